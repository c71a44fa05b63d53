package cloudtrail

import (
	"fmt"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/jsonscan"
)

// TestSeenIdentities checks that an identity is read alike whether one that is written like it was read before or not, and
// that only those are kept whose text says all about them.
func TestSeenIdentities(t *testing.T) {
	session := func(key, name string) string {
		return `{"type":"AssumedRole","principalId":"AROA:` + name + `","accountId":"111122223333","accessKeyId":"` + key +
			`","sessionContext":{"sessionIssuer":{"type":"Role","userName":"admin"},"sourceIdentity":"` + name + `"},"invokedBy":"x"}`
	}
	kept := map[string]bool{
		session("ASIA1", "ann@acme.test"):                               true,
		session("ASIA2", "ann@acme.test"):                               true,
		session("ASIA1", "bob@acme.test"):                               true,
		`{"type":"AWSAccount","accountId":"anonymous"}`:                 true,
		`{ "type" : "Root", "accountId" : "111122223333" }`:             true,
		`{"type":"IAMUser","userName":"ann"}`:                           true,
		`{}`:                                                            true,
		`{"type":"IAMUser","userName":"\u0061nn"}`:                      false,
		`{"type":"IAMUser","userName":"ann","userName":"ann"}`:          false,
		`{"type":"IAMUser","userName":"ann","userName":"bob"}`:          false,
		`{"type":"IAMUser","userName":"ann"`:                            false,
		`{"type":"IAMUser","userName":` + strings.Repeat("[", 70):       false,
		`{"type":"IAMUser","a":"` + strings.Repeat("x", maxSeen) + `"}`: false,
		`null`:                 false,
		`"x"`:                  false,
		`[{"type":"IAMUser"}]`: false,
	}
	read := func(all *identities, record string, unique bool) (u identity, end int, err string) {
		s := jsonscan.Scanner{Unique: unique}
		s.Reset([]byte(record))
		for s.Object(); s.Next(); {
			switch {
			case string(s.Key) != "userIdentity":
				s.Skip()
			case all == nil:
				u.scan(&s)
			default:
				all.scan(&s, &u)
			}
		}
		return u, s.Offset(), fmt.Sprint(s.Err())
	}
	all := new(identities)
	holds := func(text string) bool {
		for i := range all {
			if string(all[i].text) == text {
				return true
			}
		}
		return false
	}
	for text, keep := range kept {
		for _, around := range []string{`{"userIdentity":%s,"b":{}}`, `{"a":1,"userIdentity": %s }`, `{"userIdentity":%[1]s,"userIdentity":%[1]s}`,
			`{"userIdentity":%s,"userIdentity":{"type":"Root"}}`} {
			record := fmt.Sprintf(around, text)
			want, end, fails := read(nil, record, true)
			*all = identities{}
			if read(all, record, false); holds(text) {
				t.Errorf("%s is kept though nobody looked for keys that occur twice", text)
			}
			for times := range 3 {
				if got, at, err := read(all, record, true); got != want || at != end || err != fails {
					t.Errorf("%s, time %d: %+v to %d, %s; want %+v to %d, %s", record, times, got, at, err, want, end, fails)
				}
			}
			if holds(text) != keep {
				t.Errorf("%s: kept %v", text, !keep)
			}
		}
	}
	for text := range kept { // all in turn, in the same memory
		record := `{"userIdentity":` + text + `}`
		want, _, _ := read(nil, record, true)
		if got, _, _ := read(all, record, true); got != want {
			t.Errorf("%s: %+v, want %+v", record, got, want)
		}
	}
}
