package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Source is one stream of an API that is read from a cursor on. It keeps no state
// between calls: the same cursor gives the same records, or more of them. An error is
// that of the vendor or of the context; who called asks again later, with the same
// cursor. A source may be asked by one caller at a time.
type Source interface {
	Fetch(ctx context.Context, cur Cursor) (Page, error)
}

// Cursor is up to where a source has been read, as JSON of its own; empty at the
// beginning. Handing it back says that everything before it is safe.
type Cursor []byte

// Page is what a source gives at once.
type Page struct {
	Bodies []Body
	Next   Cursor
	More   bool // there is more already: ask again at once
	Gaps   []Gap
	// Done, if it is not nil, is called once all of it is in the log, for sources
	// that keep what has been read themselves. An error of it is no harm: what was
	// read comes again.
	Done func(ctx context.Context) error
}

// Body is a piece of a page in a shape that a vendor exports, compressed or not.
type Body struct {
	// ID tells the piece apart within its source, if it is one that does not change: it
	// is taken once then, however often it is handed out. "" for what may be more at
	// the next time.
	ID   string
	Name string // where it is from, for what is said about its records; no secret
	// Open hands out the content. If it fails, or breaks off, the whole page is asked
	// for again; unless the error is a *Gap, which says that the piece is gone for
	// good, or there is Skip.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Skip, if it is not nil, is told why this piece could not be read; the others go
	// on, and it comes again by itself.
	Skip func(err error)
}

// MemoryBody is a body that is in memory.
func MemoryBody(name string, b []byte) Body {
	return Body{
		Name: name,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// Gap is a stretch of time, or a part of one, that could not be read and will not be.
type Gap struct {
	From, To time.Time // zero if unknown
	Reason   string
}

func (g *Gap) Error() string {
	if g.From.IsZero() {
		return g.Reason
	}
	return fmt.Sprintf("%s to %s: %s", g.From.UTC().Format(time.RFC3339), g.To.UTC().Format(time.RFC3339), g.Reason)
}

// Stream is a source under a name of its own within its kind: "drive",
// "Audit.Exchange". Streams are read independently of one another.
type Stream struct {
	Name     string
	Every    time.Duration // between two looks, once there is nothing more
	Parallel int           // bodies of a page that are read at the same time; 0 stands for 1
	Source   Source
}

// Env is what sources get from outside.
type Env struct {
	HTTP  *http.Client     // without a timeout of its own: contexts end requests
	Now   func() time.Time // of this machine
	Log   *slog.Logger
	Since time.Time // from when on a stream is read that has no cursor
}

// Opener is the settings of one kind of source, as they are written in the
// configuration: pointers to structs with yaml tags.
type Opener interface {
	// Check says what of the settings is missing or cannot be, without asking anybody.
	Check() error
	// Open resolves secrets and returns the streams. It may ask the vendor which
	// there are.
	Open(ctx context.Context, env Env) ([]Stream, error)
}

// Kind is a kind of source.
type Kind struct {
	Name string
	New  func() Opener // settings with their defaults
}

// RequireSettings says which of some settings are missing: pairs of a name and a value.
func RequireSettings(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is required")
		}
	}
	return nil
}

// ReadCursor reads a cursor that WriteCursor wrote; an empty one is the zero value.
func ReadCursor[T any](cur Cursor) (c T, err error) {
	if len(cur) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(cur, &c); err != nil {
		return c, fmt.Errorf("stored cursor: %w", err)
	}
	return c, nil
}

// WriteCursor is the stored form of a cursor.
func WriteCursor(c any) Cursor {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // cursors are plain structs
	}
	return b
}
