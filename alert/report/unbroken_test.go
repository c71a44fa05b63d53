package report

import "testing"

// TestUnbroken has pseudonyms in texts, attributes and elements that hold plain text only.
func TestUnbroken(t *testing.T) {
	const p = "P-76SSDYSUZU"
	for in, want := range map[string]string{
		"": "",
		"<p>no pseudonym: P-1, XP-76SSDYSUZU</p>": "<p>no pseudonym: P-1, XP-76SSDYSUZU</p>",
		"<h1>to " + p + "@icloud.com and " + p + "</h1>": `<h1>to <span class="keep">` + p + `</span>@icloud.com and <span class="keep">` +
			p + `</span></h1>`,
		`<a href="/people/` + p + `" title="` + p + `">it</a>`: `<a href="/people/` + p + `" title="` + p + `">it</a>`,
		`<title>` + p + `</title><option>` + p + `</option>`:   `<title>` + p + `</title><option>` + p + `</option>`,
		`<a class="who" href="/">` + p + `</a>`:                `<a class="who" href="/">` + p + `</a>`,
	} {
		if got := string(Unbroken([]byte(in))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}
