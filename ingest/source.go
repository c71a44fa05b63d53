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

// Source is one stream of an API that is read from a cursor on. It keeps no state between
// calls: the same cursor gives the same records, or more of them. It is used by one caller at
// a time.
type Source interface {
	// Fetch returns the page after a cursor. The error is that of the vendor or the context;
	// the caller asks again later, with the same cursor.
	Fetch(ctx context.Context, cur Cursor) (Page, error)
}

// Cursor is how far a source has been read, as JSON whose structure the source defines; empty
// at the beginning. By passing a cursor, the caller states that everything before it is in the
// event log.
type Cursor []byte

// Page is the result of one Fetch.
type Page struct {
	Bodies []Body // the records
	Next   Cursor // cursor after them
	More   bool   // there is more to read at once
	Gaps   []Gap  // what could not be read and will not be
	// Done, if not nil, is called once the whole page is in the event log, for sources that
	// acknowledge to the vendor what has been read. If it fails, the records are read again.
	Done func(ctx context.Context) error
}

// Body is a part of a page, in a format that the vendor exports, compressed or not.
type Body struct {
	// ID identifies a piece whose content never changes, such as a file, within its source. A
	// piece is read once, however often it is listed. It is "" if the content may grow.
	ID   string
	Name string // where the content is from, for messages about its records; no secrets
	// Open opens the content. If that or reading fails, the whole page is fetched again, unless
	// the error is a *Gap, which means that the piece is lost, or Skip is set.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Skip, if not nil, is called with the reason why this piece could not be read. The rest
	// of the page counts as read; the source lists the piece again by itself.
	Skip func(err error)
	// Final states that the content will never be another: it is not fetched again. What cannot
	// be read in it is a dead letter, and the rest of the page counts as read.
	Final bool
}

// MemoryBody returns a body with content in memory.
func MemoryBody(name string, b []byte) Body {
	return Body{
		Name: name,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}

// Gap is a time range of a stream, or a part of one, that was not read and cannot be read any
// more. It is also the error of Body.Open for a piece that is lost.
type Gap struct {
	From, To time.Time // zero if unknown
	Reason   string    // why it cannot be read
}

// Error returns the time range and the reason.
func (g *Gap) Error() string {
	if g.From.IsZero() {
		return g.Reason
	}
	return fmt.Sprintf("%s to %s: %s", g.From.UTC().Format(time.RFC3339), g.To.UTC().Format(time.RFC3339), g.Reason)
}

// Stream is a named stream of a source, such as "drive" or "Audit.Exchange". Streams are read
// independently of each other.
type Stream struct {
	Name     string        // unique within the source
	Every    time.Duration // interval of fetches once there is nothing more to read
	Parallel int           // bodies of a page that are read at the same time; 0 stands for 1
	Source   Source        // what is read
	// Close, if not nil, is called once the stream is no longer read.
	Close func()
}

// Env is what sources need from their environment.
type Env struct {
	HTTP  *http.Client     // without a timeout: contexts end requests
	Now   func() time.Time // clock of this machine
	Log   *slog.Logger     // for problems that are not errors
	Since time.Time        // start of streams that have no cursor yet
	// Full, if not nil, says why nothing can be taken in at the moment; "" if it can. Sources that
	// are sent records refuse them meanwhile.
	Full func() string
}

// Opener is the configuration of a source of some kind: a pointer to a struct with yaml tags.
type Opener interface {
	// Check returns an error if a setting is missing or invalid. It makes no requests.
	Check() error
	// Open resolves secrets and returns the streams. It may ask the vendor for their names.
	Open(ctx context.Context, env Env) ([]Stream, error)
}

// Kind is a kind of source.
type Kind struct {
	Name string        // as in the configuration
	New  func() Opener // returns the default settings
	// Mixed states that the records are those of any vendors, in any format that files may have.
	Mixed bool
	// Direct states that streams do not use Env.HTTP, which reaches only what allow_networks allows: they listen, or connect
	// by an SDK or to a broker.
	Direct bool
}

// Sampler is an Opener whose streams must not be read by two programs at a time. Sample returns
// streams for a look at what there is, which takes nothing from those of Open.
type Sampler interface {
	Sample(ctx context.Context, env Env) ([]Stream, error)
}

// RequireSettings takes pairs of a setting's name and value. It returns an error that names the
// first setting whose value is empty.
func RequireSettings(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is required")
		}
	}
	return nil
}

// ReadCursor parses a cursor that WriteCursor wrote. An empty cursor gives the zero value.
func ReadCursor[T any](cur Cursor) (c T, err error) {
	if len(cur) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(cur, &c); err != nil {
		return c, fmt.Errorf("stored cursor: %w", err)
	}
	return c, nil
}

// WriteCursor returns a struct as a cursor. It panics if the struct cannot be JSON.
func WriteCursor(c any) Cursor {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // cursors are plain structs
	}
	return b
}
