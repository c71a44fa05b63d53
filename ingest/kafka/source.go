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
	"github.com/outflow/outflow/internal/plain"
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
	reach func(ctx context.Context) error // says why the topic cannot be reached
	// bounds returns the offset that the group has committed for a partition, -1 for none, and the
	// first offset that the partition still has.
	bounds func(ctx context.Context, partition int) (committed, first int64, err error)
	topic  string
	reader reader
	log    *slog.Logger
	paged  []kafka.Message // in the page that was fetched last, until it is done
	gaps   []ingest.Gap    // of the same page

	next  map[int]int64 // by partition: the offset behind the last message
	jumps []jump        // of the same page, not looked into yet

	logged  atomic.Pointer[string] // error that the reader has logged since the last quiet time
	quarrel int                    // quiet times in a row with such an error
}

// jump is a place where a partition does not go on with the next offset, or where that is unknown
// (-1). Messages between may never have been any.
type jump struct {
	partition      int
	expected, came int64
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
	for ; len(s.jumps) > 0; s.jumps = s.jumps[1:] {
		if err := s.missing(ctx, s.jumps[0]); err != nil {
			return page, err
		}
	}
	return ingest.Page{
		Bodies: bodies(s.paged),
		More:   len(s.paged) == mostMessages,
		Gaps:   s.gaps,
		Done: func(ctx context.Context) error {
			if err := s.reader.CommitMessages(ctx, s.paged...); err != nil {
				return fmt.Errorf("commit offsets: %w", err)
			}
			s.paged, s.gaps = nil, nil
			return nil
		},
	}, nil
}

// missing notes how many messages were removed from the topic before they were read. The reader
// passes over them without a word. What another member has read meanwhile is not missing.
func (s *source) missing(ctx context.Context, j jump) error {
	committed, first, err := s.bounds(ctx, j.partition)
	if err != nil {
		return err
	}
	from := max(j.expected, committed)
	if n := min(first, j.came) - from; from >= 0 && n > 0 {
		s.gaps = append(s.gaps, ingest.Gap{
			Reason: fmt.Sprintf("partition %d: %s removed from the topic before being read, from offset %d on",
				j.partition, plain.CountOf(int(n), "message was", "messages were"), from),
		})
	}
	return nil
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
			expected, known := s.next[m.Partition]
			if !known {
				expected = -1
			}
			if m.Offset != expected {
				s.jumps = append(s.jumps, jump{m.Partition, expected, m.Offset})
			}
			s.next[m.Partition] = m.Offset + 1
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
