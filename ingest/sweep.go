package ingest

import "time"

// SweepPlan plans the time ranges to query from an API that is queried by event time and
// delivers some events late. Every sweep overlaps the last one a little; now and then one goes
// back further. Repeated events are recognised by their ID. An unfinished sweep is resumed
// unchanged: its range stays the same while it is paged through.
type SweepPlan struct {
	Lag       time.Duration // younger events are left to the next sweep
	Overlap   time.Duration // how far every sweep goes back before the end of the last
	Hourly    time.Duration // how far the hourly sweep goes back before the last one; 0 for no hourly sweep
	Daily     time.Duration // the same, daily: events that appear within this time are not missed
	MaxSpan   time.Duration // longest range of one sweep; 0 for no limit
	Retention time.Duration // how long the vendor keeps events; 0 for ever
}

// SweepState is how far the sweeps have come: the part of a cursor that SweepPlan owns. Times
// are Unix milliseconds.
type SweepState struct {
	End  int64 `json:"end"`            // everything before it has been queried
	Hour int64 `json:"hour,omitempty"` // time of the last hourly sweep
	Day  int64 `json:"day,omitempty"`  // time of the last daily sweep
	From int64 `json:"from,omitempty"` // start of the current sweep; 0 if there is none
	To   int64 `json:"to,omitempty"`   // end of the current sweep; 0 if there is none
	Next int64 `json:"next,omitempty"` // start of the next sweep, if the last did not reach the present
}

// Begin plans the next sweep unless one is in progress. It returns false if there is nothing
// to query yet. A range that the vendor no longer keeps is returned as a gap.
func (s SweepPlan) Begin(at *SweepState, since, now time.Time) (gap *Gap, ok bool) {
	if at.To != 0 {
		return nil, true
	}
	to := now.Add(-s.Lag).UnixMilli()
	from := at.End - s.Overlap.Milliseconds()
	first := at.End == 0
	switch {
	case first:
		at.End = since.UnixMilli()
		from = at.End
		at.Hour, at.Day = now.UnixMilli(), now.UnixMilli()
	case at.Next != 0:
		from = at.Next
	default:
		if s.Hourly > 0 && now.UnixMilli()-at.Hour >= time.Hour.Milliseconds() {
			from = min(from, at.Hour-s.Hourly.Milliseconds())
			at.Hour = now.UnixMilli()
		}
		if s.Daily > 0 && now.UnixMilli()-at.Day >= 24*time.Hour.Milliseconds() {
			from = min(from, at.Day-s.Daily.Milliseconds())
			at.Day = now.UnixMilli()
		}
	}

	if s.Retention > 0 {
		if edge := now.Add(-s.Retention).UnixMilli(); from < edge {
			if at.End < edge && !first {
				gap = &Gap{time.UnixMilli(at.End), time.UnixMilli(edge), "the vendor does not keep events for so long"}
			}
			from = edge
		}
	}

	if from >= to {
		return gap, false
	}
	if s.MaxSpan > 0 {
		to = min(to, from+s.MaxSpan.Milliseconds())
	}
	at.From, at.To = from, to
	return gap, true
}

// Page is Begin for a source: the returned page carries the gap, if there is one.
func (s SweepPlan) Page(at *SweepState, since, now time.Time) (page Page, ok bool) {
	gap, ok := s.Begin(at, since, now)
	if gap != nil {
		page.Gaps = append(page.Gaps, *gap)
	}
	return page, ok
}

// Finish ends a sweep that was read completely. It returns true if the sweep did not reach
// the present, so the next one may follow at once.
func (s SweepPlan) Finish(at *SweepState, now time.Time) (more bool) {
	to := at.To
	at.End = max(at.End, to)
	at.From, at.To, at.Next = 0, 0, 0
	if to < now.Add(-s.Lag).UnixMilli()-time.Minute.Milliseconds() {
		at.Next = to
		return true
	}
	return false
}
