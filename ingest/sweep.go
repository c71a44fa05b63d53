package ingest

import "time"

// SweepPlan plans which stretch of time to ask an API for that is asked by the time of
// events and shows some of them late. Every look goes back a little; now and then one
// goes back farther, and farther still. What comes again is known by its id. A look
// that was not finished is taken up as it was: its stretch does not change while it is
// paged through.
type SweepPlan struct {
	Lag       time.Duration // what is younger is left for the next look
	Overlap   time.Duration // how far every look goes back beyond the end of the last
	Hourly    time.Duration // once an hour, how far before the last such look; 0 if none does
	Daily     time.Duration // the same once a day: nothing is missed that appears within that time
	MaxSpan   time.Duration // longest stretch at once; 0 if any may be asked for
	Retention time.Duration // how long the vendor keeps events; 0 if for good
}

// SweepState is how far the looks have come: the part of a cursor that Sweeps owns. Times
// are Unix milliseconds.
type SweepState struct {
	End  int64 `json:"end"`            // everything before it has been asked for
	Hour int64 `json:"hour,omitempty"` // when a look went back as far as once an hour
	Day  int64 `json:"day,omitempty"`
	From int64 `json:"from,omitempty"` // of the look that is going on; 0 if none is
	To   int64 `json:"to,omitempty"`
	Next int64 `json:"next,omitempty"` // where the next one begins, if the last did not come up to now
}

// Begin plans the next look, unless one is going on. It returns false if there is
// nothing to ask for yet. What the vendor does not keep any more is a gap.
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

// Page is Begin for a source: the page has the gap, if there is one.
func (s SweepPlan) Page(at *SweepState, since, now time.Time) (page Page, ok bool) {
	gap, ok := s.Begin(at, since, now)
	if gap != nil {
		page.Gaps = append(page.Gaps, *gap)
	}
	return page, ok
}

// Finish ends a look that was read whole, and says whether the next one may follow at
// once: it did not come up to now.
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
