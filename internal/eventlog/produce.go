package eventlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// The writer of the library looks up the metadata for every record, and encodes each in small pieces. So
// batches of records are encoded here, and sent with the library's requests.

const (
	batchMost   = 900_000 // bytes of the records of a batch, before compression; brokers take a million
	recordRoom  = 32      // bytes of a record beside its key and value, at most
	sendTimeout = 15 * time.Second
)

// batchCompressor compresses batches of records. These options give no error.
var batchCompressor, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2),
	zstd.WithWindowSize(1<<20), zstd.WithNoEntropyCompression(true))

// kafkaBatch is a batch of records of one partition.
type kafkaBatch struct {
	partition int
	plain     []byte // encoded records, until the batch is sealed
	n         int    // records
	sealed    []byte // as it is sent
	err       error  // of the last attempt
}

// add adds a record.
func (b *kafkaBatch) add(r *Record) {
	var head [recordRoom]byte
	h := append(head[:0], 0, 0) // attributes, and the time after that of the batch
	h = binary.AppendVarint(h, int64(b.n))
	size := len(h) + varintSize(len(r.Key)) + len(r.Key) + varintSize(len(r.Value)) + len(r.Value) + 1
	b.plain = append(binary.AppendVarint(b.plain, int64(size)), h...)
	if r.Key == "" {
		b.plain = binary.AppendVarint(b.plain, -1)
	} else {
		b.plain = append(binary.AppendVarint(b.plain, int64(len(r.Key))), r.Key...)
	}
	if r.Value == nil {
		b.plain = binary.AppendVarint(b.plain, -1)
	} else {
		b.plain = append(binary.AppendVarint(b.plain, int64(len(r.Value))), r.Value...)
	}
	b.plain = append(b.plain, 0) // no headers
	b.n++
}

// varintSize is the number of bytes of a length as a varint. That of nothing, -1, takes as many as 0.
func varintSize(n int) int {
	size := 1
	for n >>= 6; n > 0; n >>= 7 {
		size++
	}
	return size
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal encodes the batch: version 2 of record batches, compressed with zstd.
func (b *kafkaBatch) seal(now time.Time) {
	const fromLength, fromChecksum = 12, 21 // what the length and the checksum count from
	out := make([]byte, 61, 61+len(b.plain)/3)
	out = batchCompressor.EncodeAll(b.plain, out)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-fromLength))
	binary.BigEndian.PutUint32(out[12:], 1<<32-1) // the leader's epoch is unknown
	out[16] = 2                                   // version
	binary.BigEndian.PutUint16(out[21:], uint16(kafka.Zstd))
	binary.BigEndian.PutUint32(out[23:], uint32(b.n-1)) // offset of the last record
	binary.BigEndian.PutUint64(out[27:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(out[35:], uint64(now.UnixMilli()))
	for i := 43; i < 57; i++ { // no producer, and no sequence
		out[i] = 0xff
	}
	binary.BigEndian.PutUint32(out[57:], uint32(b.n))
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[fromChecksum:], castagnoli))
	b.sealed, b.plain = out, nil
}

// batches returns the records of a group as batches, by partition in the order in which they are to be sent.
func batches(group []*pendingAppend, partitions int) [][]*kafkaBatch {
	all := make([][]*kafkaBatch, partitions)
	for _, g := range group {
		for i := range g.recs {
			r, p := &g.recs[i], g.places[i]
			n := len(all[p])
			if n == 0 || len(all[p][n-1].plain)+len(r.Key)+len(r.Value)+recordRoom > batchMost {
				all[p] = append(all[p], &kafkaBatch{partition: p})
				n++
			}
			all[p][n-1].add(r)
		}
	}
	return all
}

// write appends the records of a group. It waits out transient errors until the log ends.
func (k *Kafka) write(group []*pendingAppend) error {
	left, now := batches(group, k.parts), time.Now()
	for wait := retryLeast; ; {
		var next []*kafkaBatch // one of each partition
		for _, list := range left {
			if len(list) > 0 {
				if list[0].sealed == nil {
					list[0].seal(now)
				}
				next = append(next, list[0])
			}
		}
		if len(next) == 0 {
			return nil
		}
		k.send(next)
		var failed error
		for _, b := range next {
			switch mismatch := (*rawproduce.Error)(nil); {
			case b.err == nil:
				left[b.partition] = left[b.partition][1:]
			case isTransient(b.err) || errors.As(b.err, &mismatch): // a leader has changed
				failed = b.err
			default:
				return fmt.Errorf("eventlog: topic %s: append: %w", k.topic, b.err)
			}
		}
		if failed == nil {
			wait = retryLeast
			continue
		}
		if err := backoff(k.open, &wait); err != nil || k.over() {
			return ErrClosed
		}
	}
}

// send sends batches of different partitions to their leaders, and sets their errors.
func (k *Kafka) send(list []*kafkaBatch) {
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	defer cancel()
	leaders, err := k.leaders(ctx)
	of := map[int][]*kafkaBatch{}
	for _, b := range list {
		b.err = err
		if leader, known := leaders[b.partition]; known {
			of[leader] = append(of[leader], b)
		} else if err == nil {
			b.err = protocol.ErrNoLeader
		}
	}
	var requests sync.WaitGroup
	for _, part := range of {
		requests.Go(func() { k.request(ctx, part) })
	}
	requests.Wait()
}

// leaders returns the ids of the brokers that lead the partitions.
func (k *Kafka) leaders(ctx context.Context) (map[int]int, error) {
	meta, err := k.cluster.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{k.topic}}) // the transport keeps it
	switch {
	case err != nil:
		return nil, err
	case len(meta.Topics) != 1:
		return nil, kafka.UnknownTopicOrPartition
	case meta.Topics[0].Error != nil:
		return nil, meta.Topics[0].Error
	}
	leaders := map[int]int{}
	for _, p := range meta.Topics[0].Partitions {
		if p.Error == nil {
			leaders[p.ID] = p.Leader.ID
		}
	}
	return leaders, nil
}

// request sends batches to the broker that leads their partitions, and sets their errors.
func (k *Kafka) request(ctx context.Context, list []*kafkaBatch) {
	topic := rawproduce.RequestTopic{Topic: k.topic}
	for _, b := range list {
		size := binary.BigEndian.AppendUint32(nil, uint32(len(b.sealed)))
		topic.Partitions = append(topic.Partitions, rawproduce.RequestPartition{
			Partition: int32(b.partition),
			RecordSet: protocol.RawRecordSet{Reader: io.MultiReader(bytes.NewReader(size), bytes.NewReader(b.sealed))},
		})
	}
	res, err := k.cluster.transport.RoundTrip(ctx, k.cluster.client.Addr, &rawproduce.Request{
		Acks:    int16(kafka.RequireAll),
		Timeout: int32(sendTimeout.Milliseconds()),
		Topics:  []rawproduce.RequestTopic{topic},
	})
	codes := map[int]int16{}
	if answer, ok := res.(*produce.Response); ok && err == nil {
		for i := range answer.Topics {
			for _, p := range answer.Topics[i].Partitions {
				codes[int(p.Partition)] = p.ErrorCode
			}
		}
	}
	for _, b := range list {
		code, answered := codes[b.partition]
		switch {
		case err != nil:
			b.err = err
		case !answered:
			b.err = kafka.NetworkException
		case code != 0:
			b.err = kafka.Error(code)
		default:
			b.err = nil
		}
	}
}
