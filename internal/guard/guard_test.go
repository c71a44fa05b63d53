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

// TestDo checks the results of errors and panics of several kinds, and that every registered
// function is called once for each panic.
func TestDo(t *testing.T) {
	var seen []*guard.Panic
	stop := guard.Watch(func(p *guard.Panic) { seen = append(seen, p) })
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
	if len(seen) != 4 || !errors.Is(seen[1], failed) {
		t.Errorf("%d were seen", len(seen))
	}
	stop()
	stop()
	guard.Do("x", func() error { panic("after stop") })
	if len(seen) != 4 {
		t.Errorf("%d were seen after the end", len(seen))
	}
}

// TestHandler checks what a client gets from a handler that panics: 500, or an aborted
// connection if the response had begun; and that the server goes on.
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
