package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrusted refuses files that others could change or replace.
func TestTrusted(t *testing.T) {
	for _, c := range []struct {
		name      string
		dir, file os.FileMode
		trusted   bool
		private   bool
	}{
		{"own", 0o700, 0o600, true, true},
		{"readable", 0o755, 0o644, true, false},
		{"of a group that reads", 0o750, 0o640, true, false},
		{"of a group that writes", 0o700, 0o660, false, false},
		{"of everybody", 0o700, 0o606, false, false},
		{"in a folder of a group", 0o770, 0o600, false, true},
		{"in a folder of everybody", 0o707, 0o600, false, true},
		{"in a folder where only owners replace", 0o777 | os.ModeSticky, 0o600, true, true},
	} {
		dir := filepath.Join(t.TempDir(), "x")
		path := filepath.Join(dir, "file")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho secret\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		for p, mode := range map[string]os.FileMode{path: c.file, dir: c.dir} {
			if err := os.Chmod(p, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := Trusted(path); (err == nil) != c.trusted {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := Private(path); (err == nil) != c.private {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := Resolve(t.Context(), Ref("file:"+path)); (err == nil) != (c.trusted && c.private) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := os.Chmod(path, c.file|0o100); err != nil {
			t.Fatal(err)
		}
		if _, err := Resolve(t.Context(), Ref("exec:"+path)); (err == nil) != c.trusted ||
			err != nil && !strings.Contains(err.Error(), "open to others") {
			t.Errorf("exec, %s: %v", c.name, err)
		}
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if err := Trusted(link); (err == nil) != c.trusted {
			t.Errorf("a link to %s: %v", c.name, err)
		}
	}
	if Trusted(filepath.Join(t.TempDir(), "nothing")) == nil || Private(filepath.Join(t.TempDir(), "nothing")) == nil {
		t.Error("a file that is not there is trusted")
	}
	if os.Geteuid() != 0 {
		return
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(foreign, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if err := Trusted(foreign); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Error(err)
	}
}
