package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// described is the document of the API, in which no object may have a property that it does not list.
var described = sync.OnceValues(func() (routers.Router, error) {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		return nil, err
	}
	forbid := func(s *openapi3.SchemaRef) {
		if s.Ref == "" && len(s.Value.Properties) > 0 {
			no := false
			s.Value.AdditionalProperties.Has = &no
		}
	}
	for _, s := range doc.Components.Schemas {
		forbid(s)
	}
	for _, path := range doc.Paths.Map() {
		for _, op := range path.Operations() {
			for _, r := range op.Responses.Map() {
				for _, content := range r.Value.Content {
					forbid(content.Schema)
				}
			}
		}
	}
	return legacy.NewRouter(doc, openapi3.IsOpenAPI31OrLater())
})

// deviation returns how an answer of the API, or a request that it granted, is not as the document says; nil if it is.
func deviation(router routers.Router, r *http.Request, body []byte, answer *httptest.ResponseRecorder) error {
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	route, params, err := router.FindRoute(r)
	if err != nil && (answer.Code == http.StatusNotFound || answer.Code == http.StatusMethodNotAllowed) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if answer.Code < 300 {
		err = openapi3filter.ValidateRequest(r.Context(), in)
	}
	return errors.Join(err, openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: answer.Code, Header: answer.Header(), Options: options,
		Body: io.NopCloser(bytes.NewReader(answer.Body.Bytes())),
	}))
}

// conform is a handler of the API whose answers, and the requests that it grants, must be as openapi.json says.
func conform(t testing.TB, api http.Handler) http.Handler {
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/v1/openapi.json" || r.URL.Path == "/v1/stream" {
			api.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, r)
		if err := deviation(router, r, body, answer); err != nil {
			t.Errorf("%s %s %s: %d: %v", r.Method, r.URL, body, answer.Code, err)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// TestDeviation checks that deviations are found.
func TestDeviation(t *testing.T) {
	router, err := described()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		request, body string
		status        int
		answer, want  string
	}{
		{"POST /v1/suppressions", `{"alert":"a","reason":"r","days":7}`, 200, `{"id":1}`, ""},
		{"POST /v1/suppressions", `{"alert":"a","reason":"r","days":700}`, 200, `{"id":1}`, "180"},
		{"POST /v1/suppressions", `{"alert":"a","reason":"r"}`, 200, `{"id":"one"}`, "integer"},
		{"POST /v1/suppressions", `{"alert":"a","reason":"r"}`, 200, `{"id":1,"more":2}`, "more"},
		{"POST /v1/suppressions", `{}`, 418, `{}`, "status"},
		{"GET /v1/alerts?limit=2000", "", 200, `{"alerts":[],"next":1}`, "1000"},
		{"GET /v1/other", "", 200, `{}`, "no matching operation"},
		{"GET /v1/other", "", 404, `{}`, ""},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		r := httptest.NewRequest(method, path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		answer.Header().Set("Content-Type", "application/json")
		answer.WriteHeader(c.status)
		answer.Body.WriteString(c.answer)
		switch err := deviation(router, r, []byte(c.body), answer); {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestDocument checks that the document is one of OpenAPI 3.1.
func TestDocument(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
}

// TestParameters checks that parameters that are not as described are refused.
func TestParameters(t *testing.T) {
	x := newTeam(t, 1)
	for path, role := range map[string]Role{
		"/v1/access?after=0.5": Auditor, "/v1/access?after=-1": Auditor, "/v1/alerts?latest=1": SOC, "/v1/alerts?all=yes": SOC,
		"/v1/alerts?limit=1001": SOC, "/v1/alerts?limit=0": SOC, "/v1/alerts?status=closed": SOC, "/v1/alerts?severity=urgent": SOC, "/v1/entities?page=0": SOC,
	} {
		if status, body, _ := x.ask(role, "GET", path, ""); status != 400 {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
	if status, body, _ := x.ask(SOC, "POST", "/v1/suppressions", `{"reason":"x"}`); status != 404 {
		t.Errorf("a suppression for no alert: %d %s", status, body)
	}
}

// TestMethods checks that a method that a path does not have is answered with those that it has.
func TestMethods(t *testing.T) {
	x := newTeam(t, 1)
	for request, want := range map[string]string{
		"DELETE /v1/alerts":      "405 GET",
		"PUT /v1/suppressions":   "405 GET,POST",
		"GET /v1/reveal":         "405 POST",
		"GET /v1/nothing":        "404 ",
		"DELETE /queue/nothing":  "404 ",
		"DELETE /login":          "405 GET,POST",
		"PUT /v1/alerts/a/again": "404 ",
	} {
		method, path, _ := strings.Cut(request, " ")
		status, body, header := x.ask(SOC, method, path, "")
		if got := fmt.Sprint(status, " ", strings.Join(header["Allow"], ",")); got != want {
			t.Errorf("%s: %q, want %q: %.200s", request, got, want, body)
		}
	}
}

// TestEmptyParameters gives every parameter of the API without a value: only one that may be any text is taken.
func TestEmptyParameters(t *testing.T) {
	x := newTeam(t, 1)
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, item := range doc.Paths.Map() {
		if item.Get == nil || path == "/v1/stream" {
			continue
		}
		for _, p := range item.Get.Parameters {
			if p.Value.In != "query" {
				continue
			}
			role := SOC
			if path == "/v1/access" {
				role = Auditor
			}
			s := p.Value.Schema.Value
			text := s.Type.Is("string") && len(s.Enum) == 0
			url := strings.NewReplacer("{kind}", "domain", "{name}", "rival.example").Replace(path) + "?" + p.Value.Name + "="
			status, body, _ := x.ask(role, "GET", url, "")
			if asked++; (status == 400) == text {
				t.Errorf("%s: %d %.200s", url, status, body)
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d parameters", asked)
	}
	long := strings.Repeat("é", 200) // characters, not bytes
	for text, want := range map[string]int{long: 200, long + "é": 400} {
		if status, body, _ := x.ask(SOC, "GET", "/v1/entities?q="+text, ""); status != want {
			t.Errorf("a search for %d bytes: %d %.200s", len(text), status, body)
		}
	}
}
