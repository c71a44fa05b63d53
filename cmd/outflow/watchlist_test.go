package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/waittest"
)

// TestWatchlistsReload puts a person on a watchlist while the daemon runs: their recent alert is scored as a scan with the
// list scores it.
func TestWatchlistsReload(t *testing.T) {
	long(t)
	t.Parallel()
	const who = "diego.schneider@acme.example"
	exports := t.TempDir()
	month(t, exports, 1)
	month(t, exports, 2)
	dir, path := folder(t, exports, "feed: {listen: \"127.0.0.1:0\"}\n")
	latest := func() (a alert.Alert) {
		lines := bufio.NewScanner(strings.NewReader(soFar(dir)))
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var next alert.Alert
			if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
				t.Fatal(err)
			}
			if next.User == who {
				a = next
			}
		}
		return a
	}
	cmd, logged := running(t, path)
	waittest.Until(t, "there is an alert", func() bool { return latest().ID != "" })
	before := latest()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "watchlists: [{name: Kestrel, members: ["+who+"], weight: 3, owner: legal, reason: a merger}]\n"...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGHUP)
	waittest.Until(t, "the list counts", func() bool { a := latest(); return a.Receipt != nil && len(a.Receipt.Watch) > 0 })
	after := latest()
	if after.ID != before.ID || after.Score < before.Score+2.9 || after.Receipt.Watch[0].List != "Kestrel" || after.Receipt.WatchPoints != 3 ||
		!strings.Contains(logged(), "watchlists changed") {
		t.Errorf("alert %s with %.1f points became %s with %.1f: %+v", before.ID, before.Score, after.ID, after.Score, after.Receipt)
	}

	code, out, errs := outflow("scan", "--config", path, "--all", "--format", "ndjson", exports)
	if code != exitFine {
		t.Fatalf("exit %d: %s", code, errs)
	}
	found := false
	for line := range strings.Lines(out) {
		var a alert.Alert
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.ID != after.ID {
			continue
		}
		if found = true; a.Score != after.Score {
			t.Errorf("a scan with the list says %.3f points, the daemon %.3f", a.Score, after.Score)
		}
	}
	if !found {
		t.Error("a scan with the list does not raise the alert")
	}
}
