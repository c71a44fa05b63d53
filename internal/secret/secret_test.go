package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStars(t *testing.T) {
	s := New("hunter2")
	holder := struct{ Token Secret }{s}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", s, "holder", holder)
	j, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", s, s, s, s, s, holder, holder, holder) + log.String() + string(j)
	if strings.Contains(all, "hunter2") || !strings.Contains(all, stars) {
		t.Error(all)
	}
	if s.Reveal() != "hunter2" {
		t.Error("the secret is lost")
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	if err := os.WriteFile(path, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, []byte("hunter2"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OUTFLOW_TEST_TOKEN", "from the environment")
	for _, c := range []struct {
		ref         Ref
		want, fails string
	}{
		{"", "", ""},
		{"env:OUTFLOW_TEST_TOKEN", "from the environment", ""},
		{"env:OUTFLOW_NO_SUCH", "", "OUTFLOW_NO_SUCH is not set"},
		{Ref("file:" + path), "from a file", ""},
		{Ref("file:" + open), "", "chmod go="},
		{Ref("file:" + path + "x"), "", "no such file"},
		{"exec:echo from a program", "from a program", ""},
		{"exec:false", "", "exit status 1"},
		{"exec:", "", "no program"},
		{"hunter2", "", "rather than the secret"},
	} {
		s, err := Resolve(t.Context(), c.ref)
		switch {
		case c.fails == "" && (err != nil || s.Reveal() != c.want):
			t.Errorf("%s: %q, %v", c.ref, s.Reveal(), err)
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: %v", c.ref, err)
		}
	}
}

// TestStop stops waiting for a program whose child keeps its output open.
func TestStop(t *testing.T) {
	script := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 60 &\nsleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := Resolve(ctx, Ref("exec:"+script))
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is still waited for")
	}
}
