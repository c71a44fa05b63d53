package guard_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/guard"
)

// TestDo checks what becomes of errors and of panics of several kinds, and that each panic
// is told once, to those who still want to know.
func TestDo(t *testing.T) {
	var told []*guard.Panic
	stop := guard.Watch(func(p *guard.Panic) { told = append(told, p) })
	failed := errors.New("failed")
	if err := guard.Do("x", func() error { return failed }); err != failed {
		t.Errorf("%v", err)
	}
	var none map[string]int
	for _, f := range []func() error{
		func() error { panic("text") },
		func() error { panic(failed) },
		func() error { none["a"] = 1; return nil },
		func() error { panic(nil) },
	} {
		err := guard.Do("a source", f)
		var p *guard.Panic
		if !errors.As(err, &p) || p.Where != "a source" || !strings.Contains(string(p.Stack), "TestDo") {
			t.Errorf("%v", err)
		}
	}
	if len(told) != 4 || !errors.Is(told[1], failed) {
		t.Errorf("%d were told", len(told))
	}
	stop()
	stop()
	guard.Do("x", func() error { panic("nobody is told") })
	if len(told) != 4 {
		t.Errorf("%d were told after the end", len(told))
	}
}

// TestHandler checks what a client sees of a handler that panics: 500, or a connection that
// breaks off where the answer had begun; and that the server goes on.
func TestHandler(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/before", func(http.ResponseWriter, *http.Request) { panic("secret") })
	mux.HandleFunc("/after", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic("secret")
	})
	mux.HandleFunc("/fine", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") })
	srv := httptest.NewServer(guard.Handler("page", mux))
	defer srv.Close()
	get := func(path string) (int, string, error) {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, string(b), err
	}
	if code, body, err := get("/before"); code != 500 || err != nil || strings.Contains(body, "secret") {
		t.Errorf("%d %q %v", code, body, err)
	}
	if _, _, err := get("/after"); err == nil {
		t.Error("half an answer looks whole")
	}
	if code, body, err := get("/fine"); code != 200 || body != "fine" || err != nil {
		t.Errorf("%d %q %v", code, body, err)
	}
}
