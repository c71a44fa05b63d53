package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAuditAnchors verifies the audit log against anchors that the configuration keeps apart: cut-off lines are found, and so
// are a file with anchors that is missing or changed, and a data directory that is another one.
func TestAuditAnchors(t *testing.T) {
	_, config := folder(t, "../../examples/acme", "feed: {listen: \"127.0.0.1:0\", audit: {anchors: anchors}}\n")
	anchors := filepath.Join(filepath.Dir(config), "anchors")
	verify := func(want string) string {
		t.Helper()
		code, out, errs := outflow("audit", "verify", "--config", config)
		if (code == exitFine) != (want == "") || !strings.Contains(errs, want) {
			t.Errorf("%d %s, not %q", code, errs, want)
		}
		return out
	}
	keep := func(text string) {
		t.Helper()
		if err := os.WriteFile(anchors, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify("there is no feed.db")
	for _, name := range []string{"kim", "lena"} {
		if code, _, errs := outflow("token", "create", "--config", config, "--name", name, "--role", "soc"); code != exitFine {
			t.Fatal(errs)
		}
	}
	verify("no such file")
	keep("")
	verify("was changed")
	keep("2026-03-02T12:00:00Z 1:short\n")
	verify("was changed")
	code, out, errs := outflow("audit", "verify", "--config", configWithout(t, config))
	if code != exitFine {
		t.Fatal(errs)
	}
	_, head, _ := strings.Cut(strings.TrimSpace(out), "Head: ")
	keep("2026-03-02T12:00:00Z 2:" + head + "\n")
	if out := verify(""); !strings.Contains(out, "2 lines, whole") {
		t.Error(out)
	}
	keep("2026-03-02T12:00:00Z 2:" + head + "\n2026-03-02T13:00:00Z 3:" + head + "\n")
	verify("removed from its end")
	keep("2026-03-02T12:00:00Z 2:" + head + "\n")
	data := filepath.Join(filepath.Dir(config), "data")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kim", "lena"} { // a chain of its own, with a key of its own
		if code, _, errs := outflow("token", "create", "--config", config, "--name", name, "--role", "soc"); code != exitFine {
			t.Fatal(errs)
		}
	}
	verify("does not match its anchor")
}

// configWithout writes the same configuration without the file with anchors.
func configWithout(t *testing.T, config string) string {
	t.Helper()
	b, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(config), "plain.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), ", audit: {anchors: anchors}", "", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
