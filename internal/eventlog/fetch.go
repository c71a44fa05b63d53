package eventlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
	"unsafe"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// The library copies a batch into pages, and allocates several times for each of its records. So the answers to
// fetch requests are taken as they are, and batches of records are decoded here.

func init() { protocol.Register(&fetch.Request{}, &fetched{}) } // kafka.Client.Fetch must not be used

// fetched is the answer to a fetch request (fetch.Response).
type fetched struct {
	ThrottleTimeMs int32          `kafka:"min=v1,max=v11"`
	ErrorCode      int16          `kafka:"min=v7,max=v11"`
	SessionID      int32          `kafka:"min=v7,max=v11"`
	Topics         []fetchedTopic `kafka:"min=v0,max=v11"`
}

// ApiKey implements protocol.Message.
func (*fetched) ApiKey() protocol.ApiKey { return protocol.Fetch }

// fetchedTopic is the part of an answer about a topic.
type fetchedTopic struct {
	Topic      string             `kafka:"min=v0,max=v11"`
	Partitions []fetchedPartition `kafka:"min=v0,max=v11"`
}

// fetchedPartition is the part of an answer about a partition.
type fetchedPartition struct {
	Partition            int32                       `kafka:"min=v0,max=v11"`
	ErrorCode            int16                       `kafka:"min=v0,max=v11"`
	HighWatermark        int64                       `kafka:"min=v0,max=v11"`
	LastStableOffset     int64                       `kafka:"min=v4,max=v11"`
	LogStartOffset       int64                       `kafka:"min=v5,max=v11"`
	AbortedTransactions  []fetch.ResponseTransaction `kafka:"min=v4,max=v11"`
	PreferredReadReplica int32                       `kafka:"min=v11,max=v11"`
	Batches              rawBatches                  `kafka:"min=v0,max=v11"`
}

// rawBatches are batches of records as a broker sends them. The last one may be cut off.
type rawBatches []byte

// answerMost is more than brokers send of one partition: they exceed fetchBytes only for a single batch.
const answerMost = 256 << 20

// ReadFrom implements io.ReaderFrom, for the library.
func (b *rawBatches) ReadFrom(r io.Reader) (n int64, err error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return 0, err
	}
	most := int32(binary.BigEndian.Uint32(size[:]))
	switch {
	case most <= 0:
		return 4, nil
	case most > answerMost:
		return 4, fmt.Errorf("eventlog: %d bytes in an answer", most)
	}
	var buf bytes.Buffer
	buf.Grow(min(int(most), 2*fetchBytes) + bytes.MinRead)
	got, err := io.CopyN(&buf, r, int64(most))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	*b = buf.Bytes()
	return 4 + got, err
}

// A batch of records, version 2, as seal encodes it.
const (
	batchHeader   = 61
	batchLength   = 8  // where the length is; it counts from 12
	batchVersion  = 16 // where the version is
	batchChecksum = 17 // where the checksum is, of all after it

	compressionBits = 7
	appendTimeBit   = 1 << 3 // the broker set the times
	controlBit      = 1 << 5 // its records are not for readers
)

// batchDecompressor decompresses batches of records. These options give no error.
var batchDecompressor, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<30))

// decode appends the records from an offset on. Next is the offset after the last batch, or that offset. Records before an error
// are returned with it. Values and keys share memory with each other.
func (b rawBatches) decode(recs []Record, partition int, from int64) (all []Record, next int64, err error) {
	next = from
	for len(b) >= batchHeader {
		size := int64(binary.BigEndian.Uint32(b[batchLength:])) + 12
		if size > int64(len(b)) { // cut off
			break
		}
		if size < batchHeader {
			return recs, next, errors.New("eventlog: damaged batch")
		}
		batch := b[:size]
		b = b[size:]
		if batch[batchVersion] != 2 {
			return recs, next, fmt.Errorf("eventlog: a batch of records of version %d", batch[batchVersion])
		}
		if crc32.Checksum(batch[batchChecksum+4:], castagnoli) != binary.BigEndian.Uint32(batch[batchChecksum:]) {
			return recs, next, errors.New("eventlog: damaged batch: the checksum differs")
		}
		if recs, err = decodeBatch(recs, batch, partition, from); err != nil {
			return recs, next, err
		}
		next = max(next, int64(binary.BigEndian.Uint64(batch))+int64(binary.BigEndian.Uint32(batch[23:]))+1)
	}
	return recs, next, nil
}

// decodeBatch appends the records of a whole batch from an offset on.
func decodeBatch(recs []Record, batch []byte, partition int, from int64) ([]Record, error) {
	attributes := binary.BigEndian.Uint16(batch[21:])
	if attributes&controlBit != 0 {
		return recs, nil
	}
	plain, err := decompress(batch[batchHeader:], protocol.Attributes(attributes))
	if err != nil {
		return recs, err
	}
	base, first := int64(binary.BigEndian.Uint64(batch)), int64(binary.BigEndian.Uint64(batch[27:]))
	newest, n := int64(binary.BigEndian.Uint64(batch[35:])), int(int32(binary.BigEndian.Uint32(batch[57:])))
	const least = 7 // bytes of a record
	if n < 0 || n > len(plain)/least {
		return recs, fmt.Errorf("eventlog: damaged batch: %d records in %d bytes", n, len(plain))
	}
	if recs == nil {
		recs = make([]Record, 0, n)
	}
	r := batchReader{plain}
	for range n {
		size := r.size()
		end := len(r.b) - size // where the record ends
		r.skip(1)              // attributes
		at, offset := first+r.varint(), base+r.varint()
		key, _ := r.bytes()
		value, has := r.bytes()
		if r.bad() || end < 0 || len(r.b) < end {
			return recs, errors.New("eventlog: damaged batch")
		}
		r.skip(len(r.b) - end) // headers
		if offset < from {
			continue
		}
		if attributes&appendTimeBit != 0 {
			at = newest
		}
		rec := Record{Partition: partition, Offset: offset, Key: unsafe.String(unsafe.SliceData(key), len(key)), Appended: max(at, 0)}
		if has {
			rec.Value = value
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// decompress returns the encoded records of a batch.
func decompress(body []byte, attributes protocol.Attributes) ([]byte, error) {
	switch kind := attributes & compressionBits; kind {
	case 0:
		return body, nil
	case protocol.Zstd:
		return batchDecompressor.DecodeAll(body, nil)
	default: // the topic has another compression than its producers
		codec := kind.Compression().Codec()
		if codec == nil {
			return nil, fmt.Errorf("eventlog: unknown compression %d", kind)
		}
		r := codec.NewReader(bytes.NewReader(body))
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, 1<<30))
	}
}

// batchReader consumes encoded records; b is nil once they are damaged.
type batchReader struct{ b []byte }

// bad reports whether what was read is damaged.
func (r *batchReader) bad() bool { return r.b == nil }

// varint reads an integer.
func (r *batchReader) varint() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

// size reads the length of a record, after which it begins.
func (r *batchReader) size() int {
	n := r.varint()
	if n < 0 || n > int64(len(r.b)) {
		r.b = nil
	}
	return int(n)
}

// skip consumes n bytes.
func (r *batchReader) skip(n int) {
	if n > len(r.b) {
		r.b = nil
		return
	}
	r.b = r.b[n:]
}

// bytes reads a key or value; has is false if there is none.
func (r *batchReader) bytes() (v []byte, has bool) {
	n := r.varint()
	switch {
	case n < 0:
		return nil, false
	case n > int64(len(r.b)):
		r.b = nil
		return nil, false
	}
	v = r.b[:n:n]
	r.b = r.b[n:]
	return v, true
}

// answer asks the leader of a partition for records from an offset on, and waits for the first for a while.
func (k *Kafka) answer(ctx context.Context, partition int, from int64, wait time.Duration) (*fetchedPartition, error) {
	ctx, cancel := context.WithTimeout(ctx, k.cluster.client.Timeout)
	defer cancel()
	res, err := k.cluster.transport.RoundTrip(ctx, k.cluster.client.Addr, &fetch.Request{
		ReplicaID:    -1,
		MaxWaitTime:  int32(wait.Milliseconds()),
		MinBytes:     1,
		MaxBytes:     fetchBytes,
		SessionID:    -1,
		SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{Topic: k.topic, Partitions: []fetch.RequestPartition{{
			Partition:          int32(partition),
			CurrentLeaderEpoch: -1,
			FetchOffset:        from,
			LogStartOffset:     -1,
			PartitionMaxBytes:  fetchBytes,
		}}}},
	})
	if err != nil {
		return nil, err
	}
	answer, ok := res.(*fetched)
	switch {
	case !ok || len(answer.Topics) == 0 && answer.ErrorCode == 0:
		return nil, protocol.ErrNoTopic
	case answer.ErrorCode != 0:
		return nil, kafka.Error(answer.ErrorCode)
	case len(answer.Topics[0].Partitions) == 0:
		return nil, protocol.ErrNoPartition
	}
	p := &answer.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return nil, kafka.Error(p.ErrorCode)
	}
	return p, nil
}
