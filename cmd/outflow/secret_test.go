package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretEcho reads from a vendor that repeats the Authorization header and the form in its refusals: the secret is
// neither printed nor logged nor stored, in any form.
func TestSecretEcho(t *testing.T) {
	t.Parallel()
	const text = "s3cr3t/of the+zoom app"
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"reason":"Invalid client","header":%q,"form":%q}`, r.Header.Get("Authorization"), b)
	}))
	t.Cleanup(vendor.Close)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := sourceConfigFile(t, fmt.Sprintf(
		"{name: calls, kind: zoom, allow_networks: [127.0.0.0/8], account_id: acme, client_id: an id, client_secret: %q, base_url: %q, token_url: %q}",
		"file:"+file, vendor.URL, vendor.URL+"/oauth/token"))
	var all bytes.Buffer
	for _, args := range [][]string{
		{"source", "test", "calls"}, {"run", "--once"}, {"source", "state", "show"}, {"status"}, {"dead-letter", "list"},
	} {
		_, out, errs := outflow(append(args, "--config", config)...)
		fmt.Fprintln(&all, args, out, errs)
	}
	if !strings.Contains(all.String(), "Invalid client") || !strings.Contains(all.String(), "****") {
		t.Errorf("the answer is not shown:\n%s", &all)
	}
	err := filepath.WalkDir(filepath.Dir(config), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{text, url.QueryEscape(text), "s3cr3t"}
	for _, before := range []string{"an id:", "an+id:"} {
		for _, form := range forms[:2] {
			whole := base64.StdEncoding.EncodeToString([]byte(before + form))
			forms = append(forms, whole[10:24])
		}
	}
	for _, form := range forms {
		if i := bytes.Index(all.Bytes(), []byte(form)); i >= 0 {
			t.Errorf("%q is in %.300q", form, all.Bytes()[max(i-150, 0):])
		}
	}
}
