package eventlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// AppendOnce appends a record with one request. Unlike Append it does not try again, so that the caller knows of each
// attempt that may have been one. A nil error means that all in-sync replicas have the record.
func (k *Kafka) AppendOnce(ctx context.Context, r Record) error {
	if k.over() {
		return ErrClosed
	}
	p, err := r.place(k.parts)
	if err != nil {
		return err
	}
	m := kafka.Record{Time: time.Now(), Value: kafka.NewBytes(r.Value)}
	if r.Key != "" {
		m.Key = kafka.NewBytes([]byte(r.Key))
	}
	res, err := k.cluster.client.Produce(ctx, &kafka.ProduceRequest{
		Topic:        k.topic,
		Partition:    p,
		RequiredAcks: kafka.RequireAll,
		Records:      kafka.NewRecordReader(m),
		Compression:  kafka.Zstd,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return fmt.Errorf("eventlog: topic %s: append: %w", k.topic, err)
	}
	return nil
}

// NotAppended reports whether an error of AppendOnce says that the record is not in the log: no broker was asked, or one
// said no. After any other error it may be there, or not.
func NotAppended(err error) bool {
	if code, ok := errors.AsType[kafka.Error](err); ok {
		switch code {
		case kafka.Unknown, kafka.RequestTimedOut, kafka.NetworkException, kafka.NotEnoughReplicasAfterAppend, kafka.KafkaStorageError:
			return false
		}
		return true
	}
	for _, before := range []error{ErrClosed, protocol.ErrNoTopic, protocol.ErrNoPartition, protocol.ErrNoLeader} {
		if errors.Is(err, before) {
			return true
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// Rejected reports whether an error of AppendOnce says that the broker does not take such a record, whenever it is sent.
func Rejected(err error) bool {
	code, ok := errors.AsType[kafka.Error](err)
	return ok && (code == kafka.MessageSizeTooLarge || code == kafka.RecordListTooLarge || code == kafka.InvalidRecord)
}
