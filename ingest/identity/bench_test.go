package identity_test

import (
	"fmt"
	"testing"

	"github.com/outflow/outflow/ingest/identity"
	"github.com/outflow/outflow/internal/event"
)

// BenchmarkResolve resolves events of a thousand people: addresses with an id of each source beside
// them, ids alone, users of AWS, and roles.
func BenchmarkResolve(b *testing.B) {
	r := identity.New()
	var recs [][]byte
	for i := range 1000 {
		mail := fmt.Sprintf("p%d.doe@acme.example", i)
		r.Resolve(hrPerson(mail, "Sales").Append(nil))
		for _, e := range []*event.Event{
			{Source: event.Okta, Actor: event.Actor{Account: mail, Alias: fmt.Sprintf("okta:00u%d", i), Kind: event.Human}},
			{Source: event.Slack, Actor: event.Actor{Account: mail, Alias: fmt.Sprintf("slack:w%d", i), Kind: event.Human}},
			{Source: event.Slack, Actor: event.Actor{Account: fmt.Sprintf("slack:w%d", i), Kind: event.Human}},
			{Source: event.M365, Actor: event.Actor{Account: mail, Kind: event.Human}},
			{Source: event.CloudTrail, Actor: event.Actor{Account: mail, Kind: event.Human}},
			{Source: event.CloudTrail, Actor: event.Actor{Account: fmt.Sprintf("aws:111122223333:user/p%d.doe", i), Kind: event.Human}},
			{Source: event.CloudTrail, Actor: event.Actor{Account: fmt.Sprintf("aws:111122223333:role/app%d", i%20), Kind: event.Unknown}},
		} {
			e.Action, e.Tenant, e.Time = "x", "111122223333", int64(20_600*event.Day)
			recs = append(recs, e.Append(nil))
		}
	}
	b.ReportAllocs()
	buf := make([]byte, 0, 1<<10)
	for i := 0; b.Loop(); i++ {
		buf = append(buf[:0], recs[i%len(recs)]...)
		r.Resolve(buf)
	}
}
