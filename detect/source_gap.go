package detect

import (
	"time"

	"github.com/outflow/outflow/internal/event"
)

// sourceGap is a stretch of a source that was not read and never will be, or a stream
// of it that does not answer (I03): what happened meanwhile is not judged.
var sourceGap = &Detector{Name: "source_gap", Title: "Source not read"}

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
	f := e.healthFinding(sourceGap, ev.Source.String()+" "+ev.Tenant+" "+ev.Object.Name+" "+ev.Action, since, ev.Time, 2)
	stream := ev.Source.Title()
	if ev.Source != event.NoSource {
		f.Sources = []string{ev.Source.String()}
	}
	switch {
	case ev.Object.Type == event.Folder:
		stream = "the folder " + quoted(ev.Object.Name) + " of the source " + quoted(ev.Tenant)
	case ev.Object.Type == event.Disk:
		stream = "the data of all sources"
	case ev.Object.Type == event.Part:
		stream = "the data of " + quoted(ev.Object.Name)
	case ev.Object.Name != "":
		stream += ", " + quoted(ev.Object.Name) + ","
	}
	switch {
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
		f.Reason += ": " + quoted(why)
	}
	e.send(f)
}
