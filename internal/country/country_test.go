package country

import (
	"strings"
	"testing"
)

// TestName names countries by their codes and by their names, and leaves what is neither.
func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"US": "United States", "us": "United States", "USA": "United States", "United States": "United States",
		"UNITED STATES": "United States", "the United States of America": "United States", "U.S.": "United States",
		"UK": "United Kingdom", "gb": "United Kingdom", "GBR": "United Kingdom", " Great Britain ": "United Kingdom",
		"DE": "Germany", "Germany": "Germany", "BR": "Brazil", "NL": "Netherlands", "The Netherlands": "Netherlands",
		"Viet Nam": "Vietnam", "Russian Federation": "Russia", "Korea, Republic of": "South Korea", "TR": "Turkey", "Türkiye": "Turkey", "MK": "North Macedonia", "Swaziland": "Eswatini",
		"Cote d’Ivoire": "Cote d’Ivoire", "Côte d'Ivoire": "Côte d’Ivoire", "CI": "Côte d’Ivoire", "Trinidad and Tobago": "Trinidad & Tobago",
		"Hong Kong": "Hong Kong SAR China", "XK": "Kosovo",
		"": "", "XX": "XX", "ZZ": "ZZ", "A1": "A1", "T1": "T1", "EU": "EU", "840": "840", "Deutschland": "Deutschland", "mars": "mars",
		"U\u202eS": "U\u202eS", "<b>US": "<b>US",
	} {
		if got := Name(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for name, r := range byName() {
		if got := Name(name); !strings.EqualFold(got, Name(r.String())) || Name(got) != got {
			t.Errorf("%s is %s, and %s is %s", name, got, r, Name(r.String()))
		}
	}
	if len(byName()) < 280 {
		t.Errorf("%d names", len(byName()))
	}
}

// TestCode has a code of two letters for all 249 countries of ISO 3166-1 and for Kosovo, and none for what is no country.
func TestCode(t *testing.T) {
	for text, want := range map[string]string{
		"US": "US", "us": "US", "USA": "US", "United States": "US", "UK": "GB", " Great Britain ": "GB", "Germany": "DE", "BRAZIL": "BR",
		"Korea, Republic of": "KR", "Türkiye": "TR", "North Macedonia": "MK", "XK": "XK", "Hong Kong": "HK",
		"": "", "XX": "", "ZZ": "", "A1": "", "EU": "", "UN": "", "IC": "", "AC": "", "840": "", "Deutschland": "", "mars": "", "D\u202eE": "",
	} {
		if got := Code(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	codes := map[string]bool{}
	for name := range byName() {
		if c := Code(name); c != "" {
			codes[c] = true
		}
	}
	if len(codes) != 249+1 {
		t.Errorf("%d codes", len(codes))
	}
	for c := range codes {
		if len(c) != 2 || Code(c) != c || Code(Name(c)) != c {
			t.Errorf("%s is %q, and %s %q", c, Code(c), Name(c), Code(Name(c)))
		}
	}
}
