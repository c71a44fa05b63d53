package all

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// TestRedirected has the receivers of all channels over HTTP lead elsewhere, by every status: nothing goes there.
func TestRedirected(t *testing.T) {
	t.Setenv("OUTFLOW_TEST_SECRET", alerttest.Secret)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { elsewhere.Add(1); io.WriteString(w, "{}") }))
	defer other.Close()
	for name, v := range alerttest.Vendors {
		if v.Take == nil {
			continue
		}
		for _, status := range []int{301, 302, 303, 307, 308} {
			var asked atomic.Int32
			here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				http.Redirect(w, r, other.URL+r.URL.Path, status)
			}))
			t.Setenv("OUTFLOW_TEST_TEAMS", here.URL)
			n := alerttest.Open(t, kindOf(name), strings.ReplaceAll(v.Settings, "%s", here.URL))
			if _, err := n.Notify(t.Context(), &alert.Message{Alert: alerttest.Alert()}); err == nil || asked.Load() == 0 {
				t.Errorf("%s, %d: %v, after %d requests", name, status, err, asked.Load())
			}
			here.Close()
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}
