package feed

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// request is what the audit log says of a request beside its lines.
type request struct {
	id     string
	logged bool   // it has a line
	who    string // of its last line
	role   Role
}

// requestKey is the key of a request in its context.
type requestKey struct{}

// requestOf returns the request that a context is of, or nil.
func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// identified gives a request an id, which its lines of the audit log and the response have.
func identified(w http.ResponseWriter, r *http.Request) *http.Request {
	id := rand.Text()[:12]
	w.Header().Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{id: id}))
}

// signing calls a handler that signs somebody in or out. The audit log says what became of it, once it has a line.
func (s *Server) signing(h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r = identified(w, r)
		what := "failed (500)" // also if h panics
		defer func() {
			if x := requestOf(r.Context()); x.logged {
				s.logLine(r, x.who, x.role, what)
			}
		}()
		switch err := h(w, r); {
		case err == nil:
			what = "done"
		case r.Context().Err() != nil:
			what = "broken off"
		default:
			s.Log.Error("feed", "path", r.URL.Path, "err", err)
		}
	}
}

// statusBrokenOff stands for a request whose client left, or that the end of the daemon broke off.
const statusBrokenOff = -1

// logOutcome adds to the audit log what became of a request: its lines say what somebody was about to do. A request that
// only reads, and succeeds, has none.
func (s *Server) logOutcome(r *http.Request, t *Token, status int) {
	x := requestOf(r.Context())
	what := ""
	switch {
	case status == statusBrokenOff:
		what = "broken off"
	case status >= http.StatusInternalServerError:
		what = fmt.Sprintf("failed (%d)", status)
	case status >= http.StatusBadRequest:
		what = fmt.Sprintf("refused (%d)", status)
	case x.logged && r.Method != http.MethodGet:
		what = "done"
	default:
		return
	}
	if !x.logged {
		what = r.Method + " " + asked(r.URL.EscapedPath(), s.Mask(t.Role)) + ": " + what
	}
	s.logLine(r, t.Name, t.Role, what)
}

// asked returns an escaped path or query for the audit log: without the names that readers ask for.
func asked(text string, mask *alert.Mask) string {
	if open, err := url.PathUnescape(text); err == nil {
		text = open
	}
	return plain.Clip(mask.Redact(plain.Printable(text)), 200)
}

// logLine adds an outcome to the audit log, even if the client has left.
func (s *Server) logLine(r *http.Request, who string, role Role, what string) {
	if err := s.Store.LogAccess(context.WithoutCancel(r.Context()), s.Now(), who, role, what); err != nil {
		s.Log.Error("feed", "path", r.URL.Path, "err", err)
	}
}
