package cloudtrail

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// insight is what CloudTrail Insights reports: an unusual rate of calls or of their errors.
type insight struct {
	id, sharedID, time, account          string
	state, name, kind, source, errorCode string
	who                                  []string // ARNs to which the rate is attributed
	present                              bool     // the record has insightDetails
}

// decodeInsight decodes a record of CloudTrail Insights. The end of what is unusual has a record
// of its own, which tells nothing new.
func decodeInsight(s *jsonscan.Scanner, out *ingest.Sink) error {
	var r insight
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "eventID":
			r.id = s.Text()
		case "sharedEventID":
			r.sharedID = s.Text()
		case "eventTime":
			r.time = s.Text()
		case "recipientAccountId":
			r.account = s.Text()
		case "insightDetails":
			r.present = true
			r.scan(s)
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if !r.present {
		return ingest.ErrNotThis
	}
	at, err := out.TimeUTC("eventTime", r.time)
	if err != nil {
		return err
	}

	e := out.New(event.CloudTrail)
	e.Time, e.ID, e.Tenant, e.Class = at, r.id, r.account, event.VendorAlert
	e.Action = cmp.Or(r.kind, "Insight")
	if r.state == "End" {
		e.Class = event.Derived
	}
	if id := cmp.Or(r.sharedID, r.id); id != "" {
		e.Key = ingest.Hash("aws_cloudtrail_insight", id, r.state)
	}
	e.Actor = event.Actor{Kind: event.System}
	if len(r.who) == 1 {
		e.Actor = requester(r.who[0], out)
	}
	e.Object = event.Object{Type: "call", Name: r.name, Container: r.source}
	if r.errorCode != "" {
		out.Attr(event.AttrReason, out.Join(r.name, " of ", r.source, ": ", r.errorCode))
	} else if r.name != "" {
		out.Attr(event.AttrReason, out.Join(r.name, " of ", r.source))
	}
	out.Emit()
	return nil
}

// scan reads insightDetails.
func (r *insight) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "state":
			r.state = s.Text()
		case "eventSource":
			r.source = s.Text()
		case "eventName":
			r.name = s.Text()
		case "insightType":
			r.kind = s.Text()
		case "errorCode":
			r.errorCode = s.Text()
		case "insightContext":
			r.scanContext(s.Raw())
		default:
			s.Skip()
		}
	}
}

// scanContext reads who made the calls while their rate was unusual.
func (r *insight) scanContext(raw []byte) {
	var s jsonscan.Scanner
	s.Reset(raw)
	if !s.Object() {
		return
	}
	for s.Next() {
		if string(s.Key) != "attributions" || !s.Array() {
			s.Skip()
			continue
		}
		for s.Elem() {
			r.scanAttribution(&s)
		}
	}
}

// scanAttribution reads one list of attributions, of users, user agents or error codes.
func (r *insight) scanAttribution(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	attribute := ""
	var during []byte
	for s.Next() {
		switch string(s.Key) {
		case "attribute":
			attribute = s.Text()
		case "insight":
			during = s.Raw()
		default:
			s.Skip()
		}
	}
	if attribute != "userIdentityArn" {
		return
	}
	fields(during, func(k, v string) {
		if k == "value" && strings.HasPrefix(v, "arn:") {
			r.who = append(r.who, v)
		}
	})
}

// decodeAggregated decodes a summary of the data events of some minutes. The events have records of
// their own, so a summary counts nothing.
func decodeAggregated(s *jsonscan.Scanner, out *ingest.Sink) error {
	var id, source, account, start string
	present := false
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "eventId", "eventID":
			id = s.Text()
		case "eventSource":
			source = s.Text()
		case "accountId", "recipientAccountId":
			account = s.Text()
		case "timeWindow":
			present, start = true, s.Field("windowStart")
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	if !present {
		return ingest.ErrNotThis
	}
	at, err := out.TimeUTC("timeWindow.windowStart", start)
	if err != nil {
		return err
	}
	e := out.New(event.CloudTrail)
	e.Time, e.ID, e.Tenant, e.Class, e.Action = at, id, account, event.Derived, "AwsAggregatedEvent"
	e.Actor = event.Actor{Kind: event.System}
	e.Object = event.Object{Type: "service", Name: source}
	if id != "" {
		e.Key = ingest.Hash("aws_cloudtrail", id)
	}
	out.Emit()
	return nil
}
