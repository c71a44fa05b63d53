package people

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func directory() *Directory {
	d := New()
	for address, name := range map[string]string{
		"dana.ruiz@acme.example":  "Dana Ruiz",
		"joão.silva@acme.example": "João Silva",
		"kim.lee@acme.example":    "Kim Lee",
		"kim.lee2@acme.example":   "Kim Lee",
		"svc-backup@acme.example": "",
	} {
		p := d.Add(address)
		d.SetName(p, name)
	}
	d.Add("aws:111122223333:user/bob.miller")
	d.Add("kim@one.example")
	d.Add("kim@two.example")
	d.Account("okta:00u1ABC", "dana.ruiz@acme.example")
	d.Account("dana.ortiz@acme.example", "dana.ruiz@acme.example")
	d.Account("slack:00U9", "kim.lee@acme.example")
	d.Account("box:00u9", "kim.lee2@acme.example")
	return d
}

// TestFind finds people by all of their names.
func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"dana.ruiz@acme.example":    "dana.ruiz@acme.example address",
		" Dana.Ruiz@ACME.example ":  "dana.ruiz@acme.example address",
		"okta:00u1abc":              "dana.ruiz@acme.example account",
		"00U1ABC":                   "dana.ruiz@acme.example account",
		"dana.ortiz@acme.example":   "dana.ruiz@acme.example account",
		"Ruiz, Dana":                "dana.ruiz@acme.example display name",
		"dana  ruiz":                "dana.ruiz@acme.example display name",
		"Joao Silva":                "joão.silva@acme.example display name",
		"dana.ruiz":                 "dana.ruiz@acme.example short name",
		"bob.miller":                "aws:111122223333:user/bob.miller short name",
		"bob.milller":               "close aws:111122223333:user/bob.miller",
		"svc-backup":                "svc-backup@acme.example short name",
		"Kim Lee":                   "several kim.lee2@acme.example kim.lee@acme.example",
		"kim":                       "several kim@one.example kim@two.example",
		"00u9":                      "several kim.lee2@acme.example kim.lee@acme.example",
		"dana.riuz@acme.example":    "close dana.ruiz@acme.example",
		"dana ruis":                 "close dana.ruiz@acme.example",
		"ruiz dan":                  "close dana.ruiz@acme.example",
		"dana.ruiz@acme.exampel":    "close dana.ruiz@acme.example",
		"somebody@elsewhere.test":   "nobody",
		"":                          "nobody",
		"P-ABCDEFGH23":              "pseudonym",
		"p-abcdefgh23":              "pseudonym",
		strings.Repeat("x", 10_000): "nobody",
	} {
		m, err := directory().Find(text)
		got := ""
		var u *Unknown
		switch {
		case err == nil:
			got = m.Person.Address + " " + string(m.By)
		case !errors.As(err, &u):
			t.Fatal(err)
		case u.Several != nil:
			got = "several " + strings.Join(u.Several, " ")
		case u.Close != nil:
			got = "close " + u.Close[0]
		case u.Pseudonym:
			got = "pseudonym"
		default:
			got = "nobody"
		}
		if got != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%.40q: an error of %d bytes", text, len(err.Error()))
		}
	}
}

// TestHostile checks that errors and descriptions contain no control characters.
func TestHostile(t *testing.T) {
	d := New()
	d.Add("a\x1b[2Jb@acme.example")
	_, err := d.Find("a\x1b[2Jc@acme.example\u202e")
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\u202e") || !strings.Contains(err.Error(), "known are a·[2jb@acme.example") {
		t.Errorf("%q", err)
	}
}

// TestUnder checks that a reader of pseudonyms finds nobody by name.
func TestUnder(t *testing.T) {
	n := 0
	names := map[string]string{}
	under := directory().Pseudonymized(func(address string) string {
		n++
		names[address] = fmt.Sprintf("P-AAAAAAAAA%c", 'A'+n)
		return names[address]
	})
	for _, text := range []string{"dana.ruiz@acme.example", "Dana Ruiz", "okta:00u1abc", "dana.ruiz"} {
		if m, err := under.Find(text); err == nil || strings.Contains(strings.Replace(err.Error(), text, "", 1), "acme.example") {
			t.Errorf("%s: %v %v", text, m, err)
		}
	}
	m, err := under.Find(strings.ToLower(names["dana.ruiz@acme.example"]))
	if err != nil || m.Person.Address != "dana.ruiz@acme.example" || m.By != Pseudonym {
		t.Errorf("%v %v", m, err)
	}
}

// TestEmpty checks the error of a directory without people.
func TestEmpty(t *testing.T) {
	d := New()
	if _, err := d.Find("dana.ruiz@acme.example"); err == nil || !strings.Contains(err.Error(), "there is no data") {
		t.Error(err)
	}
	if d.Len() != 0 || len(d.All()) != 0 {
		t.Error("Find added somebody")
	}
	d.SetName(d.Add("b@x.example"), "B")
	d.SetName(d.Add("a@x.example"), "A")
	if got := d.All(); !slices.IsSortedFunc(got, func(a, b *Person) int { return strings.Compare(a.Address, b.Address) }) ||
		d.Get("A@x.example") == nil {
		t.Error(got)
	}
}
