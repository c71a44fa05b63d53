package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest"
)

// fuzzHost is the host of the vendor in fuzz targets. No request is sent to it.
const fuzzHost = "vendor.example"

// mostRequests is how many requests a source may make if every answer is the same.
const mostRequests = 2000

// FuzzSource asserts that no stored cursor and no answer of a vendor makes a source panic, send
// requests without end, or send its secret to another host. The seeds are the scenarios of the
// package (see TestSources).
func FuzzSource(f *testing.F, kind ingest.Kind) {
	os.Setenv("OUTFLOW_TEST_SECRET", "hunter2-hunter2")
	configs := seedScenarios(f, kind)
	for _, cursor := range []string{
		`{}`, `null`, `[]`,
		`{"next":"https://evil.example/x","Next":"//evil.example/x","URL":"https://evil.example","Link":"https://evil.example/"}`,
		`{"After":"2026-03-01T00:00:00Z","Until":"9999-12-31T00:00:00Z"}`,
	} {
		f.Add(byte(0), []byte(cursor), []byte(`{}`), "<https://evil.example/x>; rel=\"next\"")
	}

	f.Fuzz(func(t *testing.T, which byte, cursor, answer []byte, link string) {
		vendor := &oneAnswer{t: t, body: answer, link: link}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // some wait between requests
		defer cancel()
		settings := kind.New()
		if err := yaml.NewDecoder(bytes.NewReader(configs[int(which)%len(configs)]), yaml.Strict()).Decode(settings); err != nil {
			t.Fatal(err)
		}
		if err := settings.Check(); err != nil {
			t.Fatal(err)
		}
		streams, err := settings.Open(ctx, ingest.Env{
			HTTP:  &http.Client{Transport: vendor},
			Now:   func() time.Time { return Now },
			Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
			Since: Now.Add(-24 * time.Hour),
		})
		if err != nil {
			return
		}
		for _, s := range streams {
			readPages(ctx, s.Source, cursor)
		}
	})
}

// seedScenarios adds the answers of a kind's scenarios as seeds, and returns their
// configurations.
func seedScenarios(f *testing.F, kind ingest.Kind) (configs [][]byte) {
	f.Helper()
	archives, err := filepath.Glob("testdata/api/" + kind.Name + "*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatal("no testdata/api/"+kind.Name+"*.txtar", err)
	}
	for _, name := range archives {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			data := bytes.ReplaceAll(file.Data, []byte("{{url}}"), []byte("https://"+fuzzHost))
			if file.Name == "config" {
				configs = append(configs, data)
			}
			_, body, found := bytes.Cut(data, []byte("\n\n"))
			if !found {
				body = data
			}
			if strings.Contains(file.Name, " ") && len(body) <= maxSeed {
				f.Add(byte(len(configs)), []byte(nil), bytes.TrimSpace(body), "<https://"+fuzzHost+"/next?after=1>; rel=\"next\"")
			}
		}
	}
	return configs
}

// readPages reads up to three pages of a source, from a cursor on, and all of their bodies.
func readPages(ctx context.Context, source ingest.Source, cursor []byte) {
	cur := ingest.Cursor(cursor)
	for range 3 {
		page, err := source.Fetch(ctx, cur)
		if err != nil {
			return
		}
		for _, b := range page.Bodies {
			if in, err := b.Open(ctx); err == nil {
				io.Copy(io.Discard, in)
				in.Close()
			}
		}
		if cur = page.Next; !page.More {
			return
		}
	}
}

// oneAnswer gives every request the same answer, and requests for tokens a token.
type oneAnswer struct {
	t        *testing.T
	body     []byte
	link     string
	requests int
}

// RoundTrip implements http.RoundTripper.
func (o *oneAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != fuzzHost && (r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), "hunter2")) {
		o.t.Errorf("a secret goes to %s", r.URL.Host)
	}
	if o.requests++; o.requests > mostRequests {
		o.t.Errorf("more than %d requests", mostRequests)
		return nil, errors.New("too many requests")
	}

	body := o.body
	if strings.Contains(r.URL.Path, "token") {
		body = []byte(`{"access_token":"hunter2-token","token_type":"Bearer","expires_in":3600,"instance_url":"https://` + fuzzHost + `"}`)
	}
	h := http.Header{"Content-Type": {"application/json"}, "Date": {Now.Format(http.TimeFormat)}}
	if !strings.ContainsAny(o.link, "\r\n") {
		h["Link"] = []string{o.link}
	}

	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}

	return &http.Response{
		StatusCode:    http.StatusOK,
		Status:        "200 OK",
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        h,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}, nil
}
