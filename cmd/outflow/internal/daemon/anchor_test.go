package daemon

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
)

// TestAnchor keeps anchors in a file, each once, and sends one a day through a channel.
func TestAnchor(t *testing.T) {
	dir := t.TempDir()
	var got []string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, string(b))
	}))
	t.Cleanup(receiver.Close)
	t.Setenv("OUTFLOW_TEST_HOOK", "secret of the webhook")
	text := "feed: {listen: \"127.0.0.1:0\", audit: {anchors: apart/anchors, channel: hook}}\nchannels:\n  - {name: hook, kind: webhook, url: \"" +
		receiver.URL + "\", secret: \"env:OUTFLOW_TEST_HOOK\", allow_networks: [127.0.0.0/8]}\n"
	path := filepath.Join(dir, "outflow.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "apart"), 0o700); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{Config: conf, Log: slog.New(slog.DiscardHandler)}
	if d.alerts, err = alert.OpenStore(t.Context(), filepath.Join(dir, "alerts.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.alerts.Close() })
	first := feed.Anchor{Line: 3, Head: strings.Repeat("a", 64)}
	second := feed.Anchor{Line: 5, Head: strings.Repeat("b", 64)}
	for _, a := range []feed.Anchor{first, first, second} {
		if err := d.keepAnchor(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "apart", "anchors"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(b)), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], " 3:"+first.Head) ||
		!strings.HasSuffix(lines[1], " 5:"+second.Head) {
		t.Errorf("%s", b)
	}
	if len(got) != 1 || !strings.Contains(got[0], "--anchor 3:"+first.Head) {
		t.Errorf("%q", got)
	}
	if err := d.sendAnchor(t.Context(), second, time.Now().Add(25*time.Hour)); err != nil || len(got) != 2 ||
		!strings.Contains(got[1], "--anchor 5:"+second.Head) {
		t.Errorf("%v, %q", err, got)
	}
}
