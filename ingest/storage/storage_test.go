package storage_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/ingest/storage"
)

// TestSource lists a bucket and reads a queue, despite everything that goes wrong.
func TestSource(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	ingesttest.TestSources(t, storage.Kind, all.Formats, all.Tables)
}

// TestCheck checks which settings are refused.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(c *storage.Config){
		"":                      func(*storage.Config) {},
		"queue_url or bucket":   func(c *storage.Config) { c.Bucket = "" },
		"fetchers: 65":          func(c *storage.Config) { c.Fetchers = 65 },
		"visibility_timeout: 0": func(c *storage.Config) { c.Visibility = 0 },
		"prefix: \"x/{hh}/\"":   func(c *storage.Config) { c.Prefix = "x/{hh}/" },
		"prefix: \"x/{mm\"":     func(c *storage.Config) { c.Prefix = "x/{mm" },
	} {
		c := storage.Kind.New().(*storage.Config)
		c.Bucket, c.Prefix, c.Visibility = "audit", "logs/{yyyy}-{mm}-{dd}/", time.Minute
		change(c)
		if err := c.Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
