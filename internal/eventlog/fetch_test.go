package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
)

// signed sets the length and the checksum of a batch.
func signed(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[batchLength:], uint32(len(batch)-12))
	binary.BigEndian.PutUint32(batch[batchChecksum:], crc32.Checksum(batch[batchChecksum+4:], castagnoli))
	return batch
}

// TestFetchedBatches decodes batches that the library has written, in every compression.
func TestFetchedBatches(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	value := []byte(strings.Repeat("value", 100))
	for _, kind := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(kind.String(), func(t *testing.T) {
			set := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(kind), Records: protocol.NewRecordReader(
				protocol.Record{Offset: 0, Time: at, Key: protocol.NewBytes([]byte("k")), Value: protocol.NewBytes(value)},
				protocol.Record{Offset: 1, Time: at.Add(time.Second), Value: protocol.NewBytes([]byte{}), Headers: []protocol.Header{{Key: "h", Value: []byte("v")}}},
				protocol.Record{Offset: 2, Time: at, Key: protocol.NewBytes([]byte("deleted"))},
			)}
			var out bytes.Buffer
			if _, err := set.WriteTo(&out); err != nil {
				t.Fatal(err)
			}
			var raw rawBatches
			if _, err := raw.ReadFrom(&out); err != nil {
				t.Fatal(err)
			}
			binary.BigEndian.PutUint64(raw, 100) // the broker's offset; the checksum does not cover it
			recs, next, err := raw.decode(nil, 7, 0)
			want := []Record{
				{Partition: 7, Offset: 100, Key: "k", Value: value, Appended: at.UnixMilli()},
				{Partition: 7, Offset: 101, Value: []byte{}, Appended: at.UnixMilli() + 1000},
				{Partition: 7, Offset: 102, Key: "deleted", Appended: at.UnixMilli()},
			}
			if err != nil || next != 103 || fmt.Sprintf("%#v", recs) != fmt.Sprintf("%#v", want) {
				t.Fatalf("%#v, next %d, %v", recs, next, err)
			}
			if recs, _, err := raw.decode(nil, 7, 102); err != nil || len(recs) != 1 || recs[0].Offset != 102 {
				t.Errorf("from the last on: %#v, %v", recs, err)
			}
		})
	}
}

// TestBrokenBatches decodes batches that are cut off, damaged, or not for readers.
func TestBrokenBatches(t *testing.T) {
	seal := func(values ...string) []byte {
		var b kafkaBatch
		for _, v := range values {
			b.add(&Record{Key: "k", Value: []byte(v)})
		}
		b.seal(time.UnixMilli(1000))
		return b.sealed
	}
	one, two := seal("a", "b"), seal("c")
	binary.BigEndian.PutUint64(two, 2)
	edit := func(batch []byte, f func([]byte)) []byte {
		batch = bytes.Clone(batch)
		f(batch)
		return signed(batch)
	}
	for name, c := range map[string]struct {
		raw  []byte
		want string // values, next offset, error
	}{
		"two":           {slices.Concat(one, two), "abc 3 <nil>"},
		"cut off":       {slices.Concat(one, two[:len(two)-1]), "ab 2 <nil>"},
		"cut in a head": {slices.Concat(one, two[:20]), "ab 2 <nil>"},
		"nothing":       {nil, " 0 <nil>"},
		"control":       {edit(one, func(b []byte) { b[22] |= controlBit }), " 2 <nil>"},
		"checksum":      {slices.Concat(one, two[:len(two)-1], []byte{1}), "ab 2 eventlog: damaged batch: the checksum differs"},
		"old":           {edit(one, func(b []byte) { b[batchVersion] = 1 }), " 0 eventlog: a batch of records of version 1"},
		"too few":       {edit(one, func(b []byte) { b[60] = 3 }), " 0 eventlog: damaged batch: 3 records in 18 bytes"},
		"too many":      {edit(one, func(b []byte) { b[57] = 0x7f }), " 0 eventlog: damaged batch: 2130706434 records in 18 bytes"},
		"plain":         {edit(one, func(b []byte) { b[22] = 0 }), " 0 eventlog: damaged batch"},
		"compression":   {edit(one, func(b []byte) { b[22] = 7 }), " 0 eventlog: unknown compression 7"},
		"length":        {append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 60)...), " 0 eventlog: damaged batch"},
	} {
		recs, next, err := rawBatches(c.raw).decode(nil, 0, 0)
		got := ""
		for _, r := range recs {
			got += string(r.Value)
		}
		if got += fmt.Sprint(" ", next, " ", err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	later := edit(one, func(b []byte) { b[22] |= appendTimeBit; binary.BigEndian.PutUint64(b[35:], 5000) })
	if recs, _, err := rawBatches(later).decode(nil, 0, 0); err != nil || recs[0].Appended != 5000 || recs[1].Appended != 5000 {
		t.Errorf("the broker's time: %v, %v", recs, err)
	}
	var raw rawBatches
	if _, err := raw.ReadFrom(bytes.NewReader([]byte{0, 0, 0, 9, 1})); err == nil {
		t.Error("an answer that ends early is whole")
	}
	if _, err := raw.ReadFrom(bytes.NewReader([]byte{0x7f, 0, 0, 0, 1})); err == nil {
		t.Error("an answer of two gigabytes is taken")
	}
}

// FuzzBatches asserts that a damaged batch is an error, without a panic or more records than its size justifies.
func FuzzBatches(f *testing.F) {
	var b kafkaBatch
	b.add(&Record{Key: "key", Value: []byte("value")})
	plain := bytes.Clone(b.plain)
	b.seal(time.UnixMilli(1000))
	f.Add(b.sealed[:batchHeader], plain, int64(0))
	f.Add(b.sealed, []byte{}, int64(0))
	f.Fuzz(func(t *testing.T, head, body []byte, from int64) {
		if len(head) < batchHeader {
			return
		}
		batch := slices.Concat(head, body)
		batch[batchVersion], batch[21], batch[22] = 2, 0, batch[22]&(appendTimeBit|controlBit) // so that damage gets through
		recs, _, err := rawBatches(signed(batch)).decode(nil, 1, from)
		size := 0
		for _, r := range recs {
			if size += len(r.Key) + len(r.Value); r.Offset < from {
				t.Errorf("a record at %d, from %d on", r.Offset, from)
			}
		}
		if size > len(batch) {
			t.Errorf("%d bytes in records, of %d; %v", size, len(batch), err)
		}
	})
}
