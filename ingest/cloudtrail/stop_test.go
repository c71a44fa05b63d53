package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"testing"
	"time"
)

// TestStopHash ends the unpacking of a small file that holds gigabytes.
func TestStopHash(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 64 {
		z.Write(zeros)
	}
	z.Close()
	f, api := newFakeS3(t)
	f.put("log.json.gz", packed.Bytes(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	u := &untilDone{&cancelling{cancel: cancel}, ctx}
	if n, err := u.Read(zeros); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := u.Read(zeros); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d := &digests{bucket: &bucket{objects: api, name: "trail", now: time.Now}}
	if sum, err := d.hash(t.Context(), "trail", "log.json.gz"); err != nil || len(sum) != 64 {
		t.Error(sum, err)
	}
	if _, err := d.hash(ctx, "trail", "log.json.gz"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// cancelling ends a context while it is read.
type cancelling struct{ cancel context.CancelFunc }

func (c *cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}
