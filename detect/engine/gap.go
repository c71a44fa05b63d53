package engine

import (
	"strconv"
	"time"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/event"
)

// gap takes in what a source says about itself.
func (e *Engine) gap(ev *event.Event) {
	since := ev.Time
	from, until := "", ""
	if at, err := time.Parse(time.RFC3339, ev.Attr(event.AttrFrom)); err == nil {
		since = at.UnixMilli()
		from = stamp(since)
	}
	if at, err := time.Parse(time.RFC3339, ev.Attr(event.AttrUntil)); err == nil {
		until = stamp(at.UnixMilli())
	}
	f := e.healthFinding(detect.SourceGap, ev.Source.String()+" "+ev.Tenant+" "+ev.Object.Name+" "+ev.Action, since, ev.Time, 2)
	stream := ev.Source.Title()
	if ev.Source != event.NoSource {
		f.Sources = []string{ev.Source.String()}
	}
	switch {
	case ev.Object.Type == event.Folder:
		stream = "the folder " + detect.Quote(ev.Object.Name) + " of the source " + detect.Quote(ev.Tenant)
	case ev.Object.Type == event.Disk:
		stream = "the data of all sources"
	case ev.Source == event.NoSource && ev.Object.Type == event.Stream:
		stream = "the source " + detect.Quote(ev.Tenant)
		if ev.Object.Name != "" {
			stream = "the stream " + detect.Quote(ev.Object.Name) + " of " + stream
		}
	case ev.Object.Name != "":
		stream += ", " + detect.Quote(ev.Object.Name) + ","
	}
	switch {
	case ev.Object.Type == event.Part:
		f.Reason = "a part of Outflow itself, " + detect.Quote(ev.Object.Name) +
			", failed and was restarted: what it was about to do may be missing"
	case ev.Action == event.Undecoded:
		f.Reason = "a part of what came through the source " + detect.Quote(ev.Tenant) + " could not be decoded and is not scored"
	case ev.Action == event.Ahead:
		n, _ := strconv.ParseFloat(ev.Attr(event.AttrRecords), 64)
		f.Reason = detect.Amount(n, "record", "records") + " of " + stream + " are dated up to " + until +
			", more than 24 h ahead of the clock: they are dead letters and not scored; a clock is wrong, or they are forged"
		if n == 1 {
			f.Reason = "a record of " + stream + " is dated " + until +
				", more than 24 h ahead of the clock: it is a dead letter and not scored; a clock is wrong, or it is forged"
		}
	case from != "" && until != "":
		f.Reason = stream + " was not read from " + from + " to " + until
	case from != "":
		f.Reason = stream + " has not been read since " + from
	case until == "" && ev.Action == event.Failing:
		f.Reason = stream + " has never been read"
	default:
		f.Reason = "a part of " + stream + " could not be read"
	}
	if why := ev.Attr(event.AttrReason); why != "" {
		f.Reason += ": " + detect.Quote(why)
	}
	e.send(f)
}
