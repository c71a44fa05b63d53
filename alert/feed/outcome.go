package feed

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/outflow/outflow/internal/plain"
)

// request is what the audit log says of a request beside its lines.
type request struct {
	id     string
	logged bool // it has a line
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
		what = r.Method + " " + plain.Clip(plain.Printable(r.URL.EscapedPath()), 200) + ": " + what
	}
	if err := s.Store.LogAccess(context.WithoutCancel(r.Context()), s.Now(), t.Name, t.Role, what); err != nil {
		s.Log.Error("feed", "path", r.URL.Path, "err", err)
	}
}
