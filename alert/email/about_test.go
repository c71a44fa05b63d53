package email

import (
	"slices"
	"testing"
)

// TestAbout leaves those out whom an alert is about, also where the alert has their pseudonym, and fails if nobody is left.
func TestAbout(t *testing.T) {
	n := &notifier{from: "outflow@acme.example", to: []string{"Sam Lee <Sam.Lee@acme.example>", "soc@acme.example"}}
	m := message("P-ABCDEFGHJK", "a reason")
	for name, c := range map[string]struct {
		about []string
		want  []string
	}{
		"somebody else": {[]string{"kim@acme.example", ""}, []string{"<Sam.Lee@acme.example>", "<soc@acme.example>"}},
		"a recipient":   {[]string{"sam.lee@acme.example"}, []string{"<soc@acme.example>"}},
		"all":           {[]string{"sam.lee@acme.example", "SOC@acme.example"}, nil},
	} {
		m.About = c.about
		msg, err := n.compose(m)
		if c.want == nil {
			if err == nil {
				t.Errorf("%s: a mail to %q", name, msg.GetToString())
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range msg.GetTo() {
			got = append(got, "<"+a.Address+">")
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
