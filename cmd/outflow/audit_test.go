package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
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
	if out := verify(""); !strings.Contains(out, "3 lines, whole") { // the last says that two were verified
		t.Error(out)
	}
	keep("2026-03-02T12:00:00Z 2:" + head + "\n2026-03-02T13:00:00Z 5:" + head + "\n")
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

// TestAuditVerified finds in the audit log who verified it, and what was found, unless it was not whole: then it stays as it
// is.
func TestAuditVerified(t *testing.T) {
	dir, config := folder(t, "../../examples/acme", "feed: {listen: \"127.0.0.1:0\"}\n")
	if code, _, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc"); code != exitFine {
		t.Fatal(errs)
	}
	for _, want := range []string{"1 line, whole", "2 lines, whole"} {
		if code, out, errs := outflow("audit", "verify", "--config", config); code != exitFine || !strings.Contains(out, want) || errs != "" {
			t.Errorf("%d %s%s, not %q", code, out, errs, want)
		}
	}
	if code, _, errs := outflow("audit", "verify", "--config", config, "--anchor", "9:"+strings.Repeat("0", 64)); code == exitFine {
		t.Error(code, errs)
	}
	s, err := keys.OpenFeed(t.Context(), filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lines, err := s.Accesses(t.Context(), 1, 10)
	if err != nil || len(lines) != 2 || lines[0].What != "verified the audit log: whole up to line 1" ||
		lines[1].What != "verified the audit log: whole up to line 2" || lines[0].Who != account() || lines[0].Role != feed.Admin {
		t.Errorf("%+v, %v", lines, err)
	}
}

// TestAuditReadOnly verifies the audit log in a folder that cannot be written, and says that there is no line about it.
func TestAuditReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir, config := folder(t, "../../examples/acme", "feed: {listen: \"127.0.0.1:0\"}\n")
	if code, _, errs := outflow("token", "create", "--config", config, "--name", "kim", "--role", "soc"); code != exitFine {
		t.Fatal(errs)
	}
	data := filepath.Join(dir, "data")
	if err := os.Chmod(data, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(data, 0o700) })
	code, out, errs := outflow("audit", "verify", "--config", config)
	if code != exitFine || !strings.Contains(out, "1 line, whole") || !strings.Contains(errs, "The audit log has no line about this") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

// TestDecideTwo proposes to close an alert where the feed requires two people: one account is one person.
func TestDecideTwo(t *testing.T) {
	long(t)
	t.Parallel()
	data := privateDir(t)
	_, found, _ := outflow("scan", "--data", data, "--format", "ndjson", "../../examples/acme")
	id := alertIn(t, found)
	s, err := keys.OpenFeed(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.RequireTwo(t.Context(), "low", false); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"kim", "lee"} {
		code, out, errs := outflow("triage", "decide", "--data", data, id, "true", "--by", who)
		if code != exitFine || !strings.Contains(out, "proposed as true, by "+who+". It is closed once a second person with another account decides the same.") {
			t.Errorf("%s: %d %s%s", who, code, out, errs)
		}
	}
	if _, out, _ := outflow("triage", "list", "--data", data); !strings.Contains(out, "lee  acknowledged  Proposed to close as") {
		t.Error(out)
	}
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
