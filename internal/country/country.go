// Package country names countries for readers. Vendors state them as codes or as names, each in its own way.
package country

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Name returns the English name of a country that a log states as a code of ISO 3166 or by name. Any other text stays as
// it is.
func Name(text string) string {
	if r, known := region(text); known {
		return nameOf(r)
	}
	return text
}

// reserved are codes that ISO 3166 keeps for what is no country of its own, and CLDR has as countries.
var reserved = map[string]bool{
	"AC": true, "CP": true, "CQ": true, "DG": true, "EA": true, "EZ": true, "IC": true, "TA": true, "UN": true,
}

// Code returns the code of two letters (ISO 3166-1 alpha-2) of a country that a log states as a code of ISO 3166 or by name;
// "" for any other text. Kosovo has XK, which ISO leaves to users.
func Code(text string) string {
	if r, known := region(text); known && !reserved[r.String()] {
		return r.String()
	}
	return ""
}

// renamed are names that are younger than the library's.
var renamed = map[string]string{"MK": "North Macedonia", "SZ": "Eswatini"}

// nameOf returns the name of a country.
func nameOf(r language.Region) string {
	if name, is := renamed[r.String()]; is {
		return name
	}
	return display.English.Regions().Name(r)
}

// region returns the country that a text stands for.
func region(text string) (language.Region, bool) {
	text = strings.TrimSpace(text)
	if len(text) == 2 || len(text) == 3 {
		r, err := language.ParseRegion(text)
		if r = r.Canonicalize(); err == nil && text[0] > '9' && r.IsCountry() {
			return r, true
		}
	}
	r, known := byName()[fold(text)]
	return r, known
}

// fold returns a name without what writers of it differ in.
func fold(name string) string {
	name = strings.NewReplacer("’", "'", " & ", " and ", "St. ", "Saint ").Replace(name)
	return strings.TrimPrefix(strings.ToLower(name), "the ")
}

// alsoCalled are names of ISO 3166, and former ones, of countries that CLDR calls otherwise.
var alsoCalled = map[string]string{
	"Bolivia, Plurinational State of": "BO", "Brunei Darussalam": "BN", "Burma": "MM", "Cabo Verde": "CV",
	"Congo, Democratic Republic of the": "CD", "Congo, The Democratic Republic of the": "CD", "Czech Republic": "CZ", "Great Britain": "GB",
	"Holland": "NL", "Hong Kong": "HK", "Iran, Islamic Republic of": "IR", "Islamic Republic of Iran": "IR", "Ivory Coast": "CI",
	"Korea, Democratic People's Republic of": "KP", "Korea, Republic of": "KR", "Republic of Korea": "KR",
	"Lao People's Democratic Republic": "LA", "Macao": "MO", "Macau": "MO", "Macedonia": "MK", "Micronesia, Federated States of": "FM",
	"Moldova, Republic of": "MD", "Republic of Moldova": "MD", "Myanmar": "MM", "Palestine": "PS", "Palestine, State of": "PS",
	"Russian Federation": "RU", "Swaziland": "SZ", "Syrian Arab Republic": "SY", "Taiwan, Province of China": "TW",
	"Tanzania, United Republic of": "TZ", "Türkiye": "TR", "U.K.": "GB", "U.S.": "US", "U.S.A.": "US", "United States of America": "US",
	"United Kingdom of Great Britain and Northern Ireland": "GB", "Venezuela, Bolivarian Republic of": "VE", "Viet Nam": "VN",
}

// byName returns the countries by their names, folded.
var byName = sync.OnceValue(func() map[string]language.Region {
	names := map[string]language.Region{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err == nil && r.IsCountry() && r == r.Canonicalize() && nameOf(r) != "" {
				names[fold(nameOf(r))] = r
			}
		}
	}
	for name, code := range alsoCalled {
		names[fold(name)] = language.MustParseRegion(code)
	}
	return names
})
