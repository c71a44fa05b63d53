// Package sources tests the sources of a configuration, and prints how far they have been read.
package sources

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// refusals says what kinds of refusals mean for the person who set a source up.
var refusals = map[webapi.Kind]string{
	webapi.Unauthorized: "the secret is wrong, has run out, or belongs to another account",
	webapi.Denied:       "a permission, a scope or a licence is missing",
	webapi.Throttled:    "too many requests: another client uses the same allowance",
	webapi.Refused:      "the vendor knows nothing by that name, or does not understand the request",
	webapi.Temporary:    "the vendor does not answer as it should: try again",
}

// Meaning says what an error of a vendor's API, or of the way there, means for the person who set it
// up; "" for other errors.
func Meaning(err error) string {
	if errors.Is(err, webapi.ErrInternal) {
		return "" // it says so itself
	}
	if s := unreached(err); s != "" {
		return s
	}
	var e *webapi.Error
	if errors.As(err, &e) {
		return refusals[e.Kind]
	}
	return ""
}

// unreached says why no connection came about; "" if one did.
func unreached(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "the name " + plain.Escape(dns.Name) + " cannot be resolved: check the address and DNS"
	case errors.As(err, &cert):
		return "its certificate is not trusted here: check the address, the proxy and the authorities"
	case errors.As(err, &op), errors.Is(err, context.DeadlineExceeded):
		return "it cannot be reached: check the address, the proxy and the firewall"
	}
	return ""
}

// Explain adds to an error what it means. Errors without a meaning stay as they are.
func Explain(err error) error {
	if s := Meaning(err); s != "" {
		return fmt.Errorf("%w\n  That is: %s", err, s)
	}
	return err
}

// Test asks every stream of an API source of a configuration for its first page, as the daemon would, and
// prints what comes to w. Nothing is kept. The error says how many streams cannot be read.
func Test(ctx context.Context, conf *config.Config, c *config.Source, log *slog.Logger, w io.Writer) error {
	open := c.Api.Open
	if s, ok := c.Api.(ingest.Sampler); ok {
		open = s.Sample
	}
	streams, err := open(ctx, config.SourceEnv(c, "", log))
	if err != nil {
		return Explain(fmt.Errorf("source %s: %w", c.Name, err))
	}
	defer func() {
		for _, s := range streams {
			if s.Close != nil {
				s.Close()
			}
		}
	}()
	failed := 0
	for _, s := range streams {
		if err := testStream(ctx, &s, conf.AllTables(), w); err != nil {
			failed++
			fmt.Fprintf(w, "%s: %s\n", plain.Escape(s.Name), plain.Escape(secret.Redact(err.Error())))
			if s := Meaning(err); s != "" {
				fmt.Fprintf(w, "  That is: %s\n", s)
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d streams cannot be read", failed, len(streams))
	}
	return nil
}

const (
	testPages  = 5 // asked for until something comes
	testEvents = 3 // printed
)

// sample is what a test of a stream has read.
type sample struct {
	events   int // decoded
	problems int // records that were not decoded
	other    int // events of a kind that is not scored
	first    []string
}

// add counts an event, and keeps a line about each of the first ones.
func (s *sample) add(e *event.Event) error {
	s.events++
	if e.Class == event.Other {
		s.other++
	}
	if len(s.first) < testEvents {
		at := time.UnixMilli(e.Time).UTC().Format("2006-01-02 15:04:05")
		account, object := cmp.Or(e.Actor.Account, "-"), cmp.Or(e.Object.Name, e.Object.ID)
		s.first = append(s.first, fmt.Sprintf("%s  %s  %s  %s  %s", at, account, e.Class, e.Action, object))
	}
	return nil
}

// testStream reads pages of a stream until events come, and prints the first of them.
func testStream(ctx context.Context, s *ingest.Stream, tables []*ingest.Table, w io.Writer) error {
	var got sample
	reader := files.Reader{
		Formats: all.Formats,
		Tables:  tables,
		Emit:    func(int) func(*event.Event) error { return got.add },
	}
	var cur ingest.Cursor
	for range testPages {
		page, err := s.Source.Fetch(ctx, cur)
		if err != nil {
			return err
		}
		if err := got.read(ctx, &reader, page.Bodies); err != nil {
			return err
		}
		if got.events > 0 || !page.More {
			break
		}
		cur = page.Next
	}

	events := plain.CountOf(got.events, "event", "events")
	problems := plain.CountOf(got.problems, "record", "records")
	fmt.Fprintf(w, "%s: it answers; %s, %s not decoded", plain.Escape(s.Name), events, problems)
	if got.other > 0 {
		fmt.Fprintf(w, ", %s of a kind that is not scored", plain.Count(got.other))
	}
	fmt.Fprintln(w)
	for _, line := range got.first {
		fmt.Fprintln(w, "  "+plain.Escape(line))
	}
	return nil
}

// read decodes bodies until one has events.
func (s *sample) read(ctx context.Context, reader *files.Reader, bodies []ingest.Body) error {
	for _, b := range bodies {
		in, err := b.Open(ctx)
		if err != nil {
			return err
		}
		rep, err := reader.Stream(ctx, b.Name, in)
		in.Close()
		if err == nil && rep.Failed {
			err = errors.New(rep.Reason)
		}
		if err != nil {
			return err
		}
		s.problems += rep.ProblemCount
		if s.events > 0 {
			return nil
		}
	}
	return nil
}
