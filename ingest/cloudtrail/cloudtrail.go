// Package cloudtrail decodes AWS CloudTrail records, as delivered to S3, returned by
// LookupEvents, wrapped by EventBridge and exported by the console, and S3 server access logs. It
// is also their source. Facts about the formats: docs/sources/aws_cloudtrail.md.
package cloudtrail

import (
	"cmp"
	"strings"
	"sync"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of CloudTrail records.
var Formats = []*ingest.Format{
	{
		Name:   "aws_cloudtrail",
		Match:  func(k ingest.Keys) bool { return k.Has("eventName", "eventSource", "eventTime") },
		Decode: decode,
	},
	{
		Name:   "aws_cloudtrail_lookup",
		Match:  func(k ingest.Keys) bool { return k.Has("CloudTrailEvent") },
		Decode: decodeLookup,
	},
	{
		Name:   "aws_cloudtrail_integrity",
		Match:  func(k ingest.Keys) bool { return k.Has("integrity", "account", "object", "reason") },
		Decode: decodeIntegrity,
	},
	{
		Name:   "aws_cloudtrail_insight",
		Match:  func(k ingest.Keys) bool { return k.Has("eventTime", "insightDetails") },
		Decode: decodeInsight,
	},
	{
		Name:   "aws_cloudtrail_aggregated",
		Match:  func(k ingest.Keys) bool { return k.Has("eventSource", "timeWindow", "summary") },
		Decode: decodeAggregated,
	},
	{
		Name: "aws_s3_access_log",
		Line: &ingest.Line{First: isAccessLog, Decode: decodeAccessLog},
	},
}

// Tables are the delimited shapes of CloudTrail records.
var Tables = []*ingest.Table{{
	Name:  "aws_cloudtrail_csv",
	Match: func(h ingest.Header) bool { return h.Has("eventid", "eventtime", "eventname", "eventsource") },
	Bind:  ingest.PerRow(row),
}, {
	Name:  "aws_s3_access_log_csv",
	Match: func(h ingest.Header) bool { return h.Has("requestdatetime", "requester", "operation", "httpstatus") },
	Bind:  ingest.PerRow(accessRow),
}}

// record is what one pass over a CloudTrail record picks out of it.
type record struct {
	id, sharedID, time, source, name, ip, agent, errorCode, errorMessage string
	account, readOnly, category, kind, request                           string
	// from requestParameters, responseElements, additionalEventData
	bucket, key, userName, authentication string
	bytesOut                              int64
	params, response, resources           []byte // raw JSON, if it is needed
	amends                                addendum
	who                                   identity
	what                                  call // what the call means; see operation
	known, looked                         bool
	bad                                   error // set by a handler that cannot read the record
}

// decoders are reused. Handlers are called through a table, so a record would escape to the heap
// for every event.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder reads one record after another.
type decoder struct {
	record
	seen identities
}

func decode(s *jsonscan.Scanner, out *ingest.Sink) error {
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	r := &d.record
	*r = record{}
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		switch string(s.Key) {
		case "eventName":
			r.name = s.Text()
		case "eventSource":
			r.source = s.Text()
		case "eventTime":
			r.time = s.Text()
		case "eventID":
			r.id = s.Text()
		case "sharedEventID":
			r.sharedID = s.Text()
		case "userIdentity":
			d.seen.scan(s, &r.who)
		case "sourceIPAddress":
			r.ip = s.Text()
		case "userAgent":
			r.agent = s.Text()
		case "errorCode":
			r.errorCode = s.Text()
		case "errorMessage":
			r.errorMessage = s.Text()
		case "requestParameters":
			r.scanParams(s)
		case "responseElements":
			r.scanResponse(s)
		case "additionalEventData":
			r.scanAdditional(s)
		case "requestID":
			r.request = s.Text()
		case "resources":
			if r.needsResources() {
				r.resources = s.Raw()
			} else {
				s.Skip()
			}
		case "addendum":
			r.amends.scan(s)
		case "readOnly":
			r.readOnly = s.Text()
		case "recipientAccountId":
			r.account = s.Text()
		case "eventCategory":
			r.category = s.Text()
		case "eventType":
			r.kind = s.Text()
		default:
			s.Skip()
		}
	}

	if err := s.Err(); err != nil {
		return err
	}
	if r.name == "" || r.time == "" || r.source == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

// addendum is the field of a record that was delivered late, or again with other data: it names the
// record that it amends, if there is one.
type addendum struct{ event, request string }

func (a *addendum) scan(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "originalEventID":
			a.event = s.Text()
		case "originalRequestID":
			a.request = s.Text()
		default:
			s.Skip()
		}
	}
}

// scanParams reads bucket and key, and keeps the raw parameters only for calls that have a
// handler. Most records name the call before its parameters.
func (r *record) scanParams(s *jsonscan.Scanner) {
	if r.source != "" && !isS3(r.source) {
		if c, _ := r.operation(); r.name == "" || c.params != nil {
			r.params = s.Raw()
		} else {
			s.Skip()
		}
		return
	}
	if c, _ := r.operation(); r.name == "" || r.source == "" || c.params != nil {
		r.params = s.Raw()
		if s.Err() == nil {
			var sub jsonscan.Scanner
			sub.Reset(r.params)
			r.scanBucket(&sub)
		}
		return
	}
	r.scanBucket(s)
}

func (r *record) scanBucket(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "bucketName":
			r.bucket = s.Text()
		case "key":
			r.key = s.Text()
		default:
			s.Skip()
		}
	}
}

func (r *record) scanResponse(s *jsonscan.Scanner) {
	switch r.name {
	case "ConsoleLogin", "":
		r.response = s.Raw()
	case "CreateDBInstance", "CreateDBCluster", "RestoreDBInstanceFromDBSnapshot", // whether they are public by default
		"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetSessionToken", "GetFederationToken":
		r.response = s.Raw()
	default:
		s.Skip()
	}
}

func (r *record) scanAdditional(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch string(s.Key) {
		case "bytesTransferredOut":
			r.bytesOut = s.Int()
		case "UserName":
			r.userName = s.Text()
		case "AuthenticationMethod":
			r.authentication = s.Text()
		default:
			s.Skip()
		}
	}
}

// emit turns the record into an event.
func (r *record) emit(out *ingest.Sink) error {
	at, err := out.TimeUTC("eventTime", r.time)
	if err != nil {
		return err
	}
	e := out.New(event.CloudTrail)
	e.Time, e.ID, e.Tenant, e.Action = at, r.id, r.account, r.name

	if e.Tenant == "" && r.who.kind != "AWSAccount" { // event version 1.01 and before
		e.Tenant = r.who.account
	}
	r.who.actor(r, &e.Actor, out)
	e.Client.IP = ingest.Address(r.ip)
	e.Client.Agent = strings.TrimSuffix(strings.TrimPrefix(r.agent, "["), "]")
	e.Client.Session = r.who.accessKey
	if r.who.invokedBy != "" {
		e.Client.App = r.who.invokedBy
	}

	if r.errorCode != "" || r.errorMessage != "" {
		e.Outcome = event.Failure
		if strings.Contains(r.errorCode, "Denied") || strings.Contains(r.errorCode, "Unauthorized") ||
			strings.Contains(r.errorCode, "Forbidden") {
			e.Outcome = event.Denied
		}
		out.Attr(event.AttrReason, cmp.Or(r.errorCode, r.errorMessage))
	}

	c, known := r.operation()
	if e.Class = c.class; known && c.class == event.Other {
		e.Class = event.CloudChange
		if r.reads() {
			e.Class = event.CloudRead
		}
	}

	if isS3(r.source) {
		r.locate(out)
	}
	if r.authentication == "QueryString" {
		out.Attr(event.AttrSigned, "link")
	}
	if r.bucket != "" {
		e.Object.Type, e.Object.Container = "bucket", r.bucket
		e.Object.Name = r.bucket
		if r.key != "" { // bucket and key identify the object
			e.Object.Type, e.Object.Name = "object", r.key
		}
		e.Bytes = r.bytesOut
	}

	if c.params != nil && !omitted(r.params) {
		c.params(r, e, out)
	}
	if r.bad != nil {
		return r.bad
	}
	r.identify(e)
	out.Emit()
	return nil
}

// identify sets the key of the event. The records of one call have one: those of the caller and
// the owner of what was called share an id, and one that amends another names it.
func (r *record) identify(e *event.Event) {
	if isS3(r.source) {
		if e.Key = requestKey(e, cmp.Or(r.amends.request, r.request)); e.Key != 0 {
			return
		}
	}
	if id := cmp.Or(r.sharedID, r.amends.event, r.id); id != "" {
		e.Key = ingest.Hash("aws_cloudtrail", id)
	}
}

// reads reports whether the call changes nothing. Records before version 1.05
// have no readOnly; there the verb decides.
func (r *record) reads() bool {
	if r.readOnly != "" {
		return r.readOnly == "true"
	}
	for _, verb := range [...]string{"Get", "List", "Describe", "Head", "Lookup", "Search", "View", "BatchGet", "Query", "Scan", "Check"} {
		if strings.HasPrefix(r.name, verb) {
			return true
		}
	}
	return false
}

func decodeLookup(s *jsonscan.Scanner, out *ingest.Sink) error {
	var inner []byte
	if !s.Object() {
		return ingest.ErrNotThis
	}
	for s.Next() {
		if string(s.Key) == "CloudTrailEvent" {
			if s.Kind() == '{' {
				inner = s.Raw()
			} else {
				inner = s.Bytes()
			}
			continue
		}
		s.Skip()
	}
	if s.Err() != nil {
		return s.Err()
	}
	return decodeInner(inner, out)
}

// decodeInner decodes a record inside another one. If it ends early, it is damaged; more input
// cannot complete it.
func decodeInner(inner []byte, out *ingest.Sink) error {
	if inner == nil {
		return ingest.ErrNotThis
	}
	_, err := out.Decode(&jsonscan.Scanner{Unique: true}, inner, decode)
	return ingest.Whole(err)
}

// row reads a row of the console's event history download. It has no request
// parameters, so what was granted or opened is unknown.
func row(h ingest.Header, cells [][]byte, out *ingest.Sink) error {
	text := func(names ...string) string { return ingest.View(h.Cell(cells, names...)) }
	r := record{
		id:        text("eventid"),
		request:   text("requestid"),
		time:      text("eventtime"),
		name:      text("eventname"),
		source:    text("eventsource"),
		ip:        text("sourceipaddress"),
		readOnly:  strings.ToLower(text("readonly")),
		errorCode: text("errorcode"),
		agent:     text("useragent"),
		account:   text("recipientaccountid", "awsaccountid"),
	}
	r.who.accessKey = text("awsaccesskey", "accesskeyid")
	if name := text("username"); name != "" {
		r.who.kind, r.who.userName = "IAMUser", name
		if name == "root" {
			r.who.kind = "Root"
		}
	}
	if r.id == "" || r.name == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}
