package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/batch"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/stream"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/watch"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/eventlog"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// The dead man's switch: no alert must mean that nothing happened. The daemon accounts for
// everything that came today, and sends heartbeats only while all is well, so that something
// outside notices when they stop.

// arrivedStatus is what became of what came on a day.
type arrivedStatus struct {
	Day     string           `json:"day"` // UTC
	Vendors []stream.Account `json:"vendors,omitempty"`
	// Undecoded are dead letters of the day, by source.
	Undecoded []watch.DeadLetterCount `json:"undecoded,omitempty"`
	Received  int64                   `json:"received"` // records of the log that were read, and dead letters
	Share     float64                 `json:"share"`    // of what is not a repeat, how much was processed: 0 to 1; 1 if nothing came
	// Unknown is, by vendor, the share of recent actions by users that are unknown: 0 to 1.
	Unknown map[string]float64 `json:"unknown_people,omitempty"`
}

// arrived sums up a day.
func arrived(day int64, all []stream.Account, dead []watch.DeadLetterCount) *arrivedStatus {
	a := &arrivedStatus{Day: stream.DateOf(day), Undecoded: dead, Share: 1}
	var total stream.Account
	for _, x := range all {
		if x.Day == day {
			a.Vendors = append(a.Vendors, x)
			total.Add(&x)
		}
	}
	lost := total.Left() - total.Erased // what was erased had been processed before
	for _, x := range dead {
		lost += x.Records
		a.Received += x.Records
	}
	a.Received += total.Received
	if counted := total.Processed + lost; counted > 0 {
		a.Share = float64(total.Processed) / float64(counted)
	}
	return a
}

// Percent is the share in percent, rounded down: 100 says that nothing was left out.
func (a *arrivedStatus) Percent() float64 { return math.Floor(10_000*a.Share) / 100 }

// enoughCame is how many records of a day must have come until their share means something.
const enoughCame = 100

// low says that less than a share of what came was processed, if enough came to say so.
func (a *arrivedStatus) low(share float64) (string, bool) {
	if a.Received < enoughCame || a.Share >= share {
		return "", false
	}
	return fmt.Sprintf("of what came on %s only %.1f %% was processed (outflow status)", a.Day, a.Percent()), true
}

// Print prints it as text. The error is one of w.
func (a *arrivedStatus) Print(w io.Writer) error {
	if a.Received == 0 {
		_, err := fmt.Fprintf(w, "Nothing has come on %s (UTC) yet.\n\n", a.Day)
		return err
	}
	fmt.Fprintf(w, "Of %s that came on %s (UTC), %.2f %% of those that had not come before were processed.\n",
		plain.CountOf(int(a.Received), "record", "records"), a.Day, a.Percent())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := []string{
		"VENDOR", "RECEIVED", "PROCESSED", "OVER A DAY OLD", "REPEATED", "OF THEM DIFFERENT", "TOO LATE", "DATED AHEAD",
		"ERASED", "UNREADABLE", "OF UNKNOWN USERS",
	}
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, v := range a.Vendors {
		unknown := "-"
		if share, known := a.Unknown[v.Vendor]; known {
			unknown = fmt.Sprintf("%.0f %%", 100*share)
		}
		fmt.Fprint(t, cmp.Or(v.Vendor, "(none)"))
		for _, n := range []int64{
			v.Received, v.Processed, v.Delayed, v.Repeated, v.Conflicts, v.Late, v.Ahead, v.Erased, v.Unreadable,
		} {
			fmt.Fprint(t, "\t", plain.Number(n))
		}
		fmt.Fprint(t, "\t", unknown, "\n")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, x := range a.Undecoded {
		fmt.Fprintf(w, "Through source %s, %s could not be decoded.\n",
			plain.Escape(x.Source), plain.CountOf(int(x.Records), "record", "records"))
	}
	_, err := fmt.Fprintln(w)
	return err
}

// unwell lists what is wrong; the daemon beats only while nothing is.
func (s *Status) unwell(share float64) (wrong []string) {
	if what, low := s.Arrived.low(share); low {
		wrong = append(wrong, what)
	}
	if s.Processor == nil && slices.Contains(s.Roles, "detect") {
		wrong = append(wrong, "nothing is processed here: another machine does, or the processor has not started")
	}
	if lag := s.lag(); lag >= catchingUp {
		wrong = append(wrong, plain.CountOf(int(lag), "record waits", "records wait")+" to be processed")
	}
	for _, c := range s.Conditions {
		wrong = append(wrong, c.String())
	}
	return wrong
}

func (s *Status) lag() (n int64) {
	for _, p := range s.Parts {
		n += p.Lag
	}
	return n
}

// intakeOf is what came through a source on a day.
type intakeOf struct {
	day              int64
	events, problems int64
	reported         bool // that too much of it could not be decoded
}

// came counts what came through a source. If too much of what came on a day could not be decoded,
// it appends an event that says so, once a day: that becomes an alert about the data.
func (d *Daemon) came(ctx context.Context, source string, events, problems int) {
	d.stats.events.Add(int64(events))
	d.stats.problems.Add(int64(problems))
	now := time.Now()
	d.stats.mu.Lock()
	if d.stats.came == nil {
		d.stats.came = map[string]*intakeOf{}
	}
	c := d.stats.came[source]
	if today := now.UnixMilli() / event.Day; c == nil || c.day != today {
		c = &intakeOf{day: today}
		d.stats.came[source] = c
	}
	c.events, c.problems = c.events+int64(events), c.problems+int64(problems)
	total := c.events + c.problems
	share := cmp.Or(d.current().Heartbeat.Share, config.UsualShare)
	report := !c.reported && total >= enoughCame && float64(c.events) < share*float64(total)
	c.reported = c.reported || report
	why := fmt.Sprintf("%s of %s on %s; outflow dead-letter list has them",
		plain.Count(int(c.problems)), plain.CountOf(int(total), "record", "records"), stream.DateOf(c.day))
	d.stats.mu.Unlock()
	if !report {
		return
	}
	e := gapEvent(event.Undecoded, source, why, now)
	e.Key = ingest.Hash("source_gap", event.Undecoded, source, stream.DateOf(c.day))
	d.appendEvent(ctx, e)
}

// enoughBytes is how much must have come below a path on a day before the share of it that was
// recognised is reported.
const enoughBytes = 64 << 10

// recognised counts how much of what came below the paths of a source on a day was
// recognised. Less than half is a condition until that changes, and an alert about the data
// once a day.
func (d *Daemon) recognised(ctx context.Context, source string, paths map[string]watch.Recognition) {
	now := time.Now()
	today := now.UnixMilli() / event.Day
	for path, came := range paths {
		d.stats.mu.Lock()
		if d.stats.recognised == nil || d.stats.recognisedOn != today {
			d.stats.recognised, d.stats.recognisedOn = map[[2]string]watch.Recognition{}, today
		}
		key := [2]string{source, path}
		before := d.stats.recognised[key]
		all := watch.Recognition{Files: before.Files + came.Files, Bytes: before.Bytes + came.Bytes, Read: before.Read + came.Read}
		d.stats.recognised[key] = all
		d.stats.mu.Unlock()
		name := source + ", " + path
		if all.Bytes < enoughBytes || all.Read >= batch.EnoughRecognised*float64(all.Bytes) {
			d.health.clear("unrecognised", name)
			continue
		}
		why := fmt.Sprintf("only %.0f %% of what came below %s on %s was recognised",
			math.Floor(100*all.Read/float64(all.Bytes)), path, stream.DateOf(today))
		d.health.set("unrecognised", name, why)
		e := gapEvent(event.Undecoded, source, why+"; outflow dead-letter list has what was not", now)
		e.Key = ingest.Hash("source_gap", event.Undecoded, source, path, stream.DateOf(today)) // one a day
		if before.Bytes < enoughBytes || before.Read >= batch.EnoughRecognised*float64(before.Bytes) {
			d.appendEvent(ctx, e)
		}
	}
}

// gapEvent is an event about the data: something of a source is missing, for a reason. Its key has
// yet to be set.
func gapEvent(action, source, reason string, now time.Time) *event.Event {
	return &event.Event{
		Class:  event.SourceGap,
		Action: action,
		Time:   now.UnixMilli(),
		Tenant: source,
		Actor:  event.Actor{Kind: event.System},
		Attrs:  []event.Attr{{Name: event.AttrReason, Value: reason}},
	}
}

// appendEvent appends an event about the data to the event log. It does not wait for long, and
// hardly at all once ctx has ended: status and metrics report the same.
func (d *Daemon) appendEvent(ctx context.Context, e *event.Event) {
	if d.events == nil {
		return
	}
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendWithin)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(appendAtEnd, cancel) })()
	if err := d.events.Append(lasting, eventlog.Record{Value: e.Append(nil)}); err != nil && !errors.Is(err, eventlog.ErrClosed) {
		d.Log.Warn("alert about the data not appended to event log", "about", e.Action, "err", err)
	}
}

// How long the event log may take to take an event about the data, and that once the daemon stops.
const (
	appendWithin = 5 * time.Second
	appendAtEnd  = 500 * time.Millisecond
)

// heart remembers when all was well last.
type heart struct {
	mu   sync.Mutex
	beat time.Time
}

func (h *heart) last() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beat
}

// note takes in how the daemon is doing.
func (h *heart) note(s *Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(s.Unwell) == 0 {
		h.beat = s.At
	}
	s.Heartbeat = h.beat
}

// callHeartbeat fetches the address of the configuration while all is well, until ctx ends.
func (d *Daemon) callHeartbeat(ctx context.Context) error {
	logged := "" // the error that was logged last; "" after a heartbeat that was delivered
	for {
		c := d.current().Heartbeat
		if err := pause(ctx, c.Every); err != nil {
			return err
		}
		if beat := d.stats.heart.last(); c.URL == "" || time.Since(beat) > max(c.Every, time.Minute) {
			continue // not well: the receiver notices that the heartbeat is missing
		}
		err := beat(ctx, &c)
		if err == nil {
			logged = ""
			continue
		}
		if d.stats.failures.Add(1); err.Error() != logged && ctx.Err() == nil {
			logged = err.Error()
			d.Log.Error("heartbeat not delivered", "err", err)
		}
	}
}

// beat sends a heartbeat: it fetches the address.
func beat(ctx context.Context, c *config.Heartbeat) error {
	allow, err := c.Allow()
	if err != nil {
		return fmt.Errorf("heartbeat: networks: %w", err)
	}
	address := secret.New(c.URL)
	if !config.Literal(c.URL) {
		if address, err = secret.Resolve(ctx, secret.Ref(c.URL)); err != nil {
			return fmt.Errorf("heartbeat: url: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.Reveal(), nil)
	if err != nil {
		return errors.New("heartbeat: url: not an address") // the error would show it
	}
	client := webapi.NewGuarded(allow, nil)
	client.CheckRedirect = webapi.SameOrigin // the address is a secret, and would be sent along
	res, err := client.Do(req)
	if err != nil {
		return errors.New("heartbeat: " + secret.Redact(err.Error(), address.Reveal()))
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("heartbeat: answered with %s", res.Status)
	}
	return nil
}
