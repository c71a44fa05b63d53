// Command feed fills the data directory of a daemon with many alerts, to measure how fast the pages of the feed are then:
//
//	go run ./bench/feed -alerts 100000 -data DIR
//
// .ci/browser/speed does that, and measures the pages in a browser.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// atOnce is how many alerts one transaction stores, as it is in a daemon that catches up.
const atOnce = 500

func main() {
	alerts := flag.Int("alerts", 100_000, "number of alerts")
	data := flag.String("data", "", "data directory, which is created")
	flag.Parse()
	if err := run(context.Background(), *data, *alerts); err != nil {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(1)
	}
}

// run stores alerts, the oldest first, the newest of now.
func run(ctx context.Context, data string, alerts int) error {
	if data == "" {
		return fmt.Errorf("-data is required")
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	path := filepath.Join(data, "alerts.db")
	store, err := alert.OpenStore(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	began, newest := time.Now(), time.Now().UTC().Truncate(time.Minute)
	policy := alert.NotifyPolicy{Now: newest, NeedsAttention: func(*alert.Alert) bool { return true }}
	for left := alerts; left > 0; left -= atOnce {
		var list []alert.Alert
		for i := left - 1; i >= max(left-atOnce, 0); i-- {
			list = append(list, alerttest.Nth(i, newest))
		}
		if err := store.Apply(ctx, 0, alert.Position{}, list, policy); err != nil {
			return err
		}
	}
	took := time.Since(began)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Printf("%d alerts stored in %.1f s, %.2f ms each; alerts.db has %d MB\n", alerts, took.Seconds(),
		took.Seconds()*1000/float64(max(alerts, 1)), info.Size()>>20)
	return nil
}
