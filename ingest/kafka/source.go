package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/outflow/outflow/ingest"
)

const (
	fetchFor     = 5 * time.Second        // how long Fetch waits for the first message
	gatherFor    = 100 * time.Millisecond // and for each further one of a page
	mostMessages = 1000                   // of a page
	mostBytes    = 10 << 20               // of a page, unless a single message is larger
)

// source is a topic. What was fetched is kept until it is in the event log: the broker hands out
// a message once, and again only if another member takes the partition over.
type source struct {
	reach  func(ctx context.Context) error // says why the topic cannot be reached
	topic  string
	reader reader
	log    *slog.Logger
	paged  []kafka.Message // in the page that was fetched last, until it is done

	logged  atomic.Pointer[string] // error that the reader has logged since the last quiet time
	quarrel int                    // quiet times in a row with such an error
}

// reader is what a source needs of a kafka.Reader.
type reader interface {
	FetchMessage(ctx context.Context) (kafka.Message, error)
	CommitMessages(ctx context.Context, list ...kafka.Message) error
	Close() error
}

// trouble takes an error that the reader logs. It tries again by itself, for ever.
func (s *source) trouble(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.logged.Store(&text)
	s.log.Debug("reader of a topic", "err", text)
}

// mostQuarrels is in how many quiet times in a row a reader may log errors: members come and go.
const mostQuarrels = 3

// quiet is called when no message has come for a while. It returns an error if that is because
// none can be read.
func (s *source) quiet(ctx context.Context) error {
	why := s.logged.Swap(nil)
	if why == nil {
		s.quarrel = 0
		return nil
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	if s.quarrel++; s.quarrel < mostQuarrels {
		return nil
	}
	return fmt.Errorf("topic %s: %s", s.topic, *why)
}

// Fetch implements ingest.Source. There is no cursor: the broker keeps the offsets of the group.
func (s *source) Fetch(ctx context.Context, _ ingest.Cursor) (page ingest.Page, err error) {
	if len(s.paged) == 0 {
		if err := s.gather(ctx); err != nil {
			return page, err
		}
	}
	if len(s.paged) == 0 {
		return page, nil
	}
	return ingest.Page{
		Bodies: bodies(s.paged),
		More:   len(s.paged) == mostMessages,
		Done: func(ctx context.Context) error {
			if err := s.reader.CommitMessages(ctx, s.paged...); err != nil {
				return fmt.Errorf("commit offsets: %w", err)
			}
			s.paged = nil
			return nil
		},
	}, nil
}

// gather reads messages until there are enough for a page, or none comes for a moment.
func (s *source) gather(ctx context.Context) error {
	size := 0
	for wait := fetchFor; len(s.paged) < mostMessages && size < mostBytes; wait = gatherFor {
		waiting, cancel := context.WithTimeout(ctx, wait)
		m, err := s.reader.FetchMessage(waiting)
		cancel()
		switch {
		case err == nil:
			s.paged = append(s.paged, m)
			size += len(m.Value)
			s.quarrel = 0
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("topic %s: %w", s.topic, err)
		case len(s.paged) == 0:
			return s.quiet(ctx)
		}
		return nil
	}
	return nil
}

// bodies returns messages as bodies. Those without content, which delete a key, are left out.
func bodies(list []kafka.Message) (out []ingest.Body) {
	for i := range list {
		m := &list[i]
		if len(m.Value) == 0 {
			continue
		}
		body := ingest.MemoryBody(m.Topic+"["+strconv.Itoa(m.Partition)+"]@"+strconv.FormatInt(m.Offset, 10), content(m.Value))
		body.Final = true
		out = append(out, body)
	}
	return out
}

// registered is the length of what a schema registry's serialiser puts before a value: a zero byte
// and the number of the schema.
const registered = 5

// content is a message without what a serialiser puts before JSON.
func content(value []byte) []byte {
	if len(value) > registered && value[0] == 0 && (value[registered] == '{' || value[registered] == '[') {
		return value[registered:]
	}
	return value
}
