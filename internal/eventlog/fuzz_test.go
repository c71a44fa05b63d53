package eventlog

import (
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzSegment asserts that a damaged segment is an error, without a panic or more memory than
// its size justifies, and that one that is accepted is what was written.
func FuzzSegment(f *testing.F) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false)) // so that damage gets through
	if err != nil {
		f.Fatal(err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		f.Fatal(err)
	}
	two := appendRecord(appendRecord(nil, "key", []byte("value")), "", nil)
	f.Add(two, false, 2)
	f.Add(enc.EncodeAll(two, nil), true, 2)
	f.Add([]byte{}, false, 0)
	f.Add(two, false, -1)
	f.Add(two, false, 1<<60)
	f.Fuzz(func(t *testing.T, body []byte, packed bool, n int) {
		plain := body
		if !packed {
			body = enc.EncodeAll(plain, nil)
		} else if plain, err = dec.DecodeAll(body, nil); err != nil {
			plain = nil
		}
		recs, err := unpack(dec, body, 1, 10, n, 0)
		if err != nil {
			return
		}
		size := 0
		for i, r := range recs {
			size += len(r.Key) + len(r.Value) + 2
			if r.Partition != 1 || r.Offset != 10+int64(i) {
				t.Errorf("record %d is at %d/%d", i, r.Partition, r.Offset)
			}
		}
		if len(recs) != n || size > len(plain) {
			t.Errorf("%d records of %d, %d bytes of %d", len(recs), n, size, len(plain))
		}
	})
}
