package eventlog

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// TestBatch reads batches with the library that has not written them.
func TestBatch(t *testing.T) {
	recs := []Record{
		{Value: []byte("without a key")},
		{Key: "deleted"},
		{Key: "empty", Value: []byte{}},
		{Key: strings.Repeat("k", 63), Value: bytes.Repeat([]byte("v"), 64)},
		{Key: strings.Repeat("k", 64), Value: bytes.Repeat([]byte("v"), 8191)},
		{Key: "large", Value: bytes.Repeat([]byte("v"), 8192)},
		{Key: "larger", Value: bytes.Repeat([]byte("v"), batchMost-100)},
		{Key: "last", Value: bytes.Repeat([]byte("v"), 1<<20-1)},
	}
	for len(recs) < 300 {
		recs = append(recs, Record{Key: "k", Value: []byte("v")})
	}
	a, err := newPending(recs, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []Record
	list := batches([]*pendingAppend{a}, 1)[0]
	for _, b := range list {
		b.seal(time.UnixMilli(1_700_000_000_000))
		var set protocol.RecordSet
		if _, err := set.ReadFrom(io.MultiReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, uint32(len(b.sealed)))),
			bytes.NewReader(b.sealed))); err != nil {
			t.Fatal(err)
		}
		for n := int64(0); ; n++ {
			r, err := set.Records.ReadRecord()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			key, _ := protocol.ReadAll(r.Key)
			value, _ := protocol.ReadAll(r.Value)
			if r.Offset != n || r.Time.UnixMilli() != 1_700_000_000_000 || len(r.Headers) > 0 {
				t.Errorf("record %d has offset %d and time %v", n, r.Offset, r.Time)
			}
			got = append(got, Record{Key: string(key), Value: value})
		}
	}
	if len(list) != 4 || len(got) != len(recs) {
		t.Fatalf("%d records in %d batches; they are %d, in four batches", len(got), len(list), len(recs))
	}
	for i := range got {
		if got[i].Key != recs[i].Key || !bytes.Equal(got[i].Value, recs[i].Value) || (got[i].Value == nil) != (recs[i].Value == nil) {
			t.Errorf("record %d: %.20q %.20q, not %.20q %.20q", i, got[i].Key, got[i].Value, recs[i].Key, recs[i].Value)
		}
	}
}
