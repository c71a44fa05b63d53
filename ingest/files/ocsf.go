package files

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/jsonscan"
)

// ocsfName is the name of the envelope, as in docs/sources.md.
const ocsfName = "OCSF"

// unmapped is the field of an event with what has no place in the schema.
const unmapped = "unmapped"

// rule says where a field of an OCSF event belongs in the vendor's record.
type rule struct {
	from, to string
	as       func(value []byte) []byte // returns nil for a value that has no place; nil stands for the value itself
}

// product is a source of OCSF events whose records can be restored from them.
type product struct {
	name  string // part of metadata.product.name, in lower case
	rules []rule // in order of preference
}

// products are all that are known. The names of fields changed between versions 1.0.0-rc.2, 1.1 and
// later ones.
var products = []product{{"cloudtrail", []rule{
	{"time_dt", "eventTime", nil},
	{"time", "eventTime", epoch},
	{"metadata.uid", "eventID", nil},
	{"metadata.product.version", "eventVersion", nil},
	{"metadata.event_code", "eventType", nil},
	{"metadata.log_name", "eventType", nil},
	{"metadata.product.feature.name", "eventCategory", word("Management", "Data", "Insight", "NetworkActivity")},
	{"api.operation", "eventName", nil},
	{"api.service.name", "eventSource", nil},
	{"api.version", "apiVersion", nil},
	{"api.request.uid", "requestID", nil},
	{"api.request.data", "requestParameters", nil},
	{"api.response.data", "responseElements", nil},
	{"api.response.error", "errorCode", nil},
	{"api.response.message", "errorMessage", nil},
	{"status_id", "errorCode", failure},
	{"status", "errorCode", failure},
	{"cloud.region", "awsRegion", nil},
	{"cloud.account.uid", "recipientAccountId", nil},
	{"cloud.account_uid", "recipientAccountId", nil},
	{"http_request.user_agent", "userAgent", nil},
	{"src_endpoint.ip", "sourceIPAddress", nil},
	{"src_endpoint.domain", "sourceIPAddress", nil},
	{"src_endpoint.uid", "vpcEndpointId", nil},
	{"actor.user.type", "userIdentity.type", notWord("User", "Admin", "System", "Other", "Unknown")},
	{"actor.user.uid", "userIdentity.arn", arn},
	{"actor.user.uuid", "userIdentity.arn", arn},
	{"actor.user.uid_alt", "userIdentity.principalId", notARN},
	{"actor.user.uid", "userIdentity.principalId", notARN},
	{"actor.user.name", "userIdentity.userName", nil},
	{"actor.user.account.uid", "userIdentity.accountId", nil},
	{"actor.user.account_uid", "userIdentity.accountId", nil},
	{"actor.user.credential_uid", "userIdentity.accessKeyId", nil},
	{"actor.invoked_by", "userIdentity.invokedBy", nil},
	{"actor.idp.name", "userIdentity.identityProvider", nil},
	{"actor.session.issuer", "userIdentity.sessionContext.sessionIssuer.arn", arn},
	{"actor.session.created_time_dt", "userIdentity.sessionContext.attributes.creationDate", nil},
	{"actor.session.is_mfa", "userIdentity.sessionContext.attributes.mfaAuthenticated", nil},
	{"actor.session.mfa", "userIdentity.sessionContext.attributes.mfaAuthenticated", nil},
	{"is_mfa", "additionalEventData.MFAUsed", yes},
	{"mfa", "additionalEventData.MFAUsed", yes},
	{"resources", "resources", trailResources},
}}, {"okta", []rule{
	{"time_dt", "published", nil},
	{"time", "published", epoch},
	{"metadata.uid", "uuid", nil},
	{"metadata.event_code", "eventType", nil},
	{"api.operation", "eventType", nil},
	{"message", "displayMessage", nil},
	{"status", "outcome.result", upper},
	{"status_detail", "outcome.reason", nil},
	{"actor.user.uid", "actor.id", nil},
	{"actor.user.type", "actor.type", nil},
	{"actor.user.email_addr", "actor.alternateId", nil},
	{"actor.user.name", "actor.displayName", nil},
	{"http_request.user_agent", "client.userAgent.rawUserAgent", nil},
	{"src_endpoint.ip", "client.ipAddress", nil},
	{"src_endpoint.location.city", "client.geographicalContext.city", nil},
	{"src_endpoint.location.country", "client.geographicalContext.country", nil},
	{"src_endpoint.autonomous_system.number", "securityContext.asNumber", nil},
	{"src_endpoint.autonomous_system.name", "securityContext.asOrg", nil},
	{"actor.session.uid", "authenticationContext.externalSessionId", nil},
	{"http_request.uid", "debugContext.debugData.requestId", nil},
	{"user.uid", "target.0.id", nil},
	{"user.type", "target.0.type", nil},
	{"user.email_addr", "target.0.alternateId", nil},
	{"user.name", "target.0.displayName", nil},
	{"entity.uid", "target.0.id", nil},
	{"entity.policy.uid", "target.0.id", nil},
	{"entity.type", "target.0.type", nil},
	{"entity.name", "target.0.displayName", nil},
	{"entity.policy.name", "target.0.displayName", nil},
	{"group.uid", "target.1.id", nil},
	{"group.type", "target.1.type", nil},
	{"group.name", "target.1.displayName", nil},
}}, {"github", []rule{
	{"time", "@timestamp", epoch},
	{"time_dt", "@timestamp", nil},
	{"metadata.uid", "_document_id", nil},
	{"metadata.event_code", "action", nil},
	{"api.operation", "action", nil},
	{"actor.user.name", "actor", nil},
	{"actor.user.uid", "actor_id", nil},
	{"actor.user.email_addr", "external_identity_nameid", nil},
	{"actor.user.account.name", "org", nil},
	{"src_endpoint.ip", "actor_ip", nil},
	{"src_endpoint.location.country", "actor_location.country_code", nil},
	{"http_request.user_agent", "user_agent", nil},
	{"user.name", "user", nil},
	{"group.name", "team", nil},
	{"resources", "repo", repository},
}}}

// ocsf is the state of restoring records.
type ocsf struct {
	scan    jsonscan.Scanner
	path    []byte   // of the value that is being read
	paths   []string // of the values of the event
	values  []cell
	cells   []cell
	product *product
	planned []string // the paths for which shape is
	shape   *shape
	sources [][]source // of each cell, in order of preference
	record  []byte
}

// source is where the value of a cell may come from.
type source struct {
	value int
	as    func(value []byte) []byte
}

// isOCSF reports whether an object with these keys may be an event of OCSF.
func isOCSF(keys ingest.Keys) bool { return keys.Has("class_uid", "metadata") }

// restore returns the vendor's record that the OCSF event at the start of b was made from, as far as
// it says, and the length of the event. The record is nil if the vendor is not known.
func (o *ocsf) restore(b []byte) (record []byte, n int, err error) {
	o.paths, o.values = o.paths[:0], o.values[:0]
	o.scan.Unique = true
	o.scan.Reset(b)
	o.path = o.path[:0]
	if err := o.collect(&o.scan, 0); err != nil {
		return nil, 0, err
	}
	n = o.scan.Offset()
	name := o.text("metadata.product.name") + " " + o.text("metadata.log_provider")
	at := slices.IndexFunc(products, func(p product) bool { return strings.Contains(strings.ToLower(name), p.name) })
	if at < 0 {
		return nil, n, nil
	}
	if p := &products[at]; o.product != p || !slices.Equal(o.planned, o.paths) {
		o.plan(p)
	}
	o.cells = o.cells[:0]
	for _, sources := range o.sources {
		var c cell
		for _, from := range sources {
			if c = o.values[from.value]; from.as != nil {
				c.text = from.as(c.text)
			}
			if c.text != nil {
				break
			}
		}
		o.cells = append(o.cells, c)
	}
	o.record = o.shape.append(o.record[:0], o.cells)
	return o.record, n, nil
}

// plan finds out how the values at the current paths become a record. What is not mapped is in the
// vendor's own words, and so comes first.
func (o *ocsf) plan(p *product) {
	o.product, o.planned = p, append(o.planned[:0], o.paths...)
	o.shape, o.sources = &shape{cell: -1}, nil
	cells := map[string]int{}
	add := func(to string, from source) {
		at, known := cells[to]
		if !known {
			at = len(o.sources)
			cells[to] = at
			o.shape.insert(strings.Split(to, "."), at)
			o.sources = append(o.sources, nil)
		}
		o.sources[at] = append(o.sources[at], from)
	}
	for i, path := range o.paths {
		if to, ok := strings.CutPrefix(path, unmapped+"."); ok && !strings.HasPrefix(to, "@") && strings.Count(to, ".") < maxOCSF {
			add(to, source{value: i})
		}
	}
	for _, r := range p.rules {
		if at := slices.Index(o.paths, r.from); at >= 0 {
			add(r.to, source{at, r.as})
		}
	}
}

// text returns the text at a path.
func (o *ocsf) text(path string) string {
	if i := slices.Index(o.paths, path); i >= 0 {
		return string(unquoted(o.values[i].text))
	}
	return ""
}

// maxOCSF limits the depth of an event and the number of its values.
const maxOCSF = 16

// collect collects the values of an object and of those in it. A list is one value.
func (o *ocsf) collect(s *jsonscan.Scanner, depth int) error {
	from := len(o.path)
	s.Object()
	for s.Next() {
		o.path = append(o.path[:from], s.Key...)
		if s.Kind() == '{' && depth < maxOCSF {
			o.path = append(o.path, '.')
			if err := o.collect(s, depth+1); err != nil {
				return err
			}
			continue
		}
		value := bytes.TrimSpace(s.RawUnchecked())
		if s.Err() != nil || len(o.values) >= 1024 || (cell{value, true}).empty() {
			continue
		}
		if string(o.path) == unmapped {
			if err := o.inner(value, depth); err != nil {
				return err
			}
			continue
		}
		n := len(o.paths)
		if n < len(o.planned) && o.planned[n] == string(o.path) {
			o.paths = append(o.paths, o.planned[n])
		} else {
			o.paths = append(o.paths, string(o.path))
		}
		o.values = append(o.values, cell{value, true})
	}
	o.path = o.path[:from]
	return s.Err()
}

// inner collects the values of an object that is written as a text.
func (o *ocsf) inner(value []byte, depth int) error {
	text := unquoted(value)
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	in := jsonscan.Scanner{Unique: true}
	in.Reset(text)
	o.path = append(o.path, '.')
	return ingest.Whole(o.collect(&in, depth+1))
}

// restored decodes the record that the OCSF event at the start of b was made from and returns the
// length of the event. The error is as that of unwrap.
func (r *reader) restored(keys ingest.Keys, b []byte) (int, error) {
	record, n, err := r.ocsf.restore(b)
	if err != nil {
		return 0, err
	}
	if record == nil {
		return n, &unknownRecord{keys: keys, in: []string{ocsfName}}
	}
	before := r.rep.Records
	o := r.ocsf
	r.ocsf = ocsf{} // the record is read while another event may be in it
	err = r.carried(ocsfName, record)
	r.ocsf = o
	if err == nil {
		r.levels[r.depth].flat = true
		r.enveloped(ocsfName, r.rep.Records-before)
	}
	return n, err
}

// restorable reports whether the record that an OCSF event was made from is a known one.
func (r *reader) restorable(b []byte) bool {
	record, _, err := r.ocsf.restore(b)
	if err != nil || record == nil {
		return false
	}
	keys, _, err := r.topKeys(record)
	return err == nil && r.match(keys) != nil
}

// epoch returns a number of milliseconds, or seconds, since 1970 as a time.
func epoch(value []byte) []byte {
	n := jsonscan.ParseInt(unquoted(value))
	switch {
	case n <= 0:
		return nil
	case n < 1e11:
		n *= 1000
	}
	return time.UnixMilli(n).UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`)
}

// word returns a function that accepts some texts.
func word(words ...string) func([]byte) []byte {
	return func(value []byte) []byte {
		if slices.Contains(words, string(unquoted(value))) {
			return value
		}
		return nil
	}
}

// notWord returns a function that accepts all but some texts.
func notWord(words ...string) func([]byte) []byte {
	accept := word(words...)
	return func(value []byte) []byte {
		if accept(value) != nil {
			return nil
		}
		return value
	}
}

// arn accepts names of resources of AWS.
func arn(value []byte) []byte {
	if bytes.HasPrefix(unquoted(value), []byte("arn:")) {
		return value
	}
	return nil
}

// notARN accepts everything else.
func notARN(value []byte) []byte {
	if arn(value) != nil {
		return nil
	}
	return value
}

// failure returns an error code for events that say no more than that they failed.
func failure(value []byte) []byte {
	if t := string(unquoted(value)); t == "2" || t == "Failure" {
		return []byte(`"Failure"`)
	}
	return nil
}

// yes returns a truth value as CloudTrail's sign-ins have it.
func yes(value []byte) []byte {
	switch string(unquoted(value)) {
	case "true":
		return []byte(`"Yes"`)
	case "false":
		return []byte(`"No"`)
	}
	return nil
}

// upper returns a text in capitals.
func upper(value []byte) []byte { return bytes.ToUpper(value) }

// resource is a resource of an event.
type resource struct{ uid, kind, name, account string }

// readResources reads a list of resources.
func readResources(value []byte) (list []resource) {
	var s jsonscan.Scanner
	s.Reset(value)
	if s.Kind() != '[' {
		return nil
	}
	s.Array()
	for s.Elem() {
		var r resource
		if s.Kind() != '{' {
			s.Skip()
			continue
		}
		s.Object()
		for s.Next() {
			switch string(s.Key) {
			case "uid":
				r.uid = strings.Clone(s.Text())
			case "type":
				r.kind = strings.Clone(s.Text())
			case "name":
				r.name = strings.Clone(s.Text())
			case "account_uid":
				r.account = strings.Clone(s.Text())
			case "owner":
				r.account = accountOf(&s)
			default:
				s.Skip()
			}
		}
		list = append(list, r)
	}
	return list
}

// accountOf reads the account of an owner.
func accountOf(s *jsonscan.Scanner) (account string) {
	if s.Kind() != '{' {
		s.Skip()
		return ""
	}
	s.Object()
	for s.Next() {
		switch key := string(s.Key); {
		case key == "account" && s.Kind() == '{':
			account = strings.Clone(s.Field("uid"))
		case key == "account_uid":
			account = strings.Clone(s.Text())
		default:
			s.Skip()
		}
	}
	return account
}

// trailResources returns resources as CloudTrail has them.
func trailResources(value []byte) []byte {
	b := []byte{'['}
	for _, r := range readResources(value) {
		if r.uid == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendQuoted(append(b, `{"ARN":`...), []byte(r.uid)), `,"accountId":`...)
		b = append(appendQuoted(b, []byte(r.account)), `,"type":`...)
		b = append(appendQuoted(b, []byte(r.kind)), '}')
	}
	if len(b) == 1 {
		return nil
	}
	return append(b, ']')
}

// repository returns the repository among resources.
func repository(value []byte) []byte {
	for _, r := range readResources(value) {
		if owner, name, found := strings.Cut(r.name, "/"); found && owner != "" && name != "" && !strings.ContainsAny(r.name, ": ") {
			return appendQuoted(nil, []byte(r.name))
		}
	}
	return nil
}
