package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
)

// TestRecognised reads folders of which half, less and nothing is recognised: too little is a
// condition and one alert a day, until enough of what comes is recognised again.
func TestRecognised(t *testing.T) {
	t.Parallel()
	d, _ := quietDaemon(t)
	log := eventlog.NewMemory(1, 0)
	d.events = log
	var err error
	if d.sources, err = watch.Open(t.Context(), filepath.Join(t.TempDir(), "sources.db")); err != nil {
		t.Fatal(err)
	}
	defer d.sources.Close()
	known := `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},"eventTime":"2026-03-02T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"eu-west-1","eventID":"f1","recipientAccountId":"111122223333"}` + "\n"
	foreign := strings.Repeat("2026-03-02 09:00:00 nobody knows this format\n", 3000)
	root := t.TempDir()
	folder := func(name string) string { return filepath.Join(root, name) }
	write := func(name, file, text string) {
		if err := os.MkdirAll(folder(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder(name), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fine", "a.ndjson", strings.Repeat(known, 1000))
	write("fine", "readme.txt", foreign)
	write("bad", "b.txt", foreign)
	write("small", "c.txt", "a note\n")
	c := &config.Source{Name: "x", Paths: []string{folder("fine"), folder("bad"), folder("small")}}
	conf := &config.Config{Sources: []config.Source{*c}}
	pass := func() {
		src := d.files(conf, c, eventlog.NewMemory(1, 0))
		src.Inspect, src.Settled = nil, 0
		p, err := d.sources.Pass(t.Context(), src, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		d.took(t.Context(), c, p)
	}
	wrong := func() (list []condition) {
		for _, x := range d.health.conditions(time.Now()) {
			if x.Kind == "unrecognised" {
				list = append(list, x)
			}
		}
		return list
	}
	pass()
	write("bad", "d.txt", foreign+"and more\n")
	pass()
	if list := wrong(); len(list) != 1 || list[0].Name != "x, "+folder("bad") || !strings.Contains(list[0].Reason, "only 0 %") {
		t.Errorf("%+v", list)
	}
	said := 0
	if _, end, err := log.Bounds(t.Context(), 0); err != nil {
		t.Fatal(err)
	} else if end > 0 {
		recs, err := log.Read(t.Context(), 0, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			var dec event.Decoder
			var e event.Event
			if err := dec.Decode(r.Value, &e); err != nil {
				t.Fatal(err)
			}
			if e.Action == event.Undecoded && strings.Contains(e.Attr(event.AttrReason), folder("bad")) {
				said++
			}
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}
	write("bad", "e.ndjson", strings.Repeat(known, 3000))
	pass()
	if list := wrong(); len(list) != 0 {
		t.Errorf("it stays: %+v", list)
	}
}
