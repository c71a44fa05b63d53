package people

import (
	"strings"
	"testing"
)

// TestMatcher finds people in texts, and nobody where there is nobody.
func TestMatcher(t *testing.T) {
	d := New()
	for address, name := range map[string]string{
		"chen.kapoor@acme.example": "Chen Kapoor", "jose.garcia-lopez@acme.example": "José García López", "obrien@acme.example": "Pat O'Brien",
		"mei.yilmaz@acme.example": "", "ann.lee@acme.example": "Ann Lee", "a.lee2@acme.example": "Ann Lee", "will@acme.example": "Will Grant",
		"kgrant@acme.example": "Kim Grant", "github:octo-lena": "", "snowflake:lbauer": "", "x1234567@acme.example": "",
		"doelu@acme.example": "Lucia Doe", "ann.mcdonald@acme.example": "Ann McDonald", "soren.kjaer@acme.example": "Søren Kjær",
		"marketing@acme.example": "", "out.sider@elsewhere.example": "Out Sider",
	} {
		d.SetName(d.Add(address), name)
	}
	d.Account("github:chenk77", "chen.kapoor@acme.example")
	d.Account("00u1abcd2", "mei.yilmaz@acme.example")
	d.Account("mei.kaya@acme.example", "mei.yilmaz@acme.example") // a former address
	m := d.MatcherOf(func(p *Person) bool { return !strings.HasSuffix(p.Address, "elsewhere.example") })
	by := func(address string) string { return "<" + strings.TrimSuffix(address, "@acme.example") + ">" }
	for text, want := range map[string]string{
		"Chen Kapoor left":                         "<chen.kapoor> left",
		"KAPOOR, CHEN":                             "<chen.kapoor>",
		"/personal/chen_kapoor_acme_example/x":     "/personal/<chen.kapoor>_acme_example/x",
		"chen%20kapoor.pdf":                        "<chen.kapoor>.pdf",
		"ChenKapoor.pdf":                           "<chen.kapoor>.pdf",
		"by chenk77 on GitHub":                     "by <chen.kapoor> on GitHub",
		"by github:chenk77":                        "by github:<chen.kapoor>",
		"Jose Garcia Lopez, JOSÉ GARCÍA LÓPEZ":     "<jose.garcia-lopez>, <jose.garcia-lopez>",
		"Pat O'Brien and obrien":                   "<obrien> and obrien",
		"account 00u1abcd2":                        "account <mei.yilmaz>",
		"of Mei Kaya":                              "of <mei.yilmaz>",
		"Ann Lee's file":                           "<>'s file",
		"kgrant":                                   "<kgrant>",
		"octo-lena, github:octo-lena":              "<github:octo-lena>, github:<github:octo-lena>",
		"LBAUER":                                   "<snowflake:lbauer>",
		"x1234567":                                 "<x1234567>",
		"files of Chen Kap…":                       "files of <chen.kapoor>…",
		"files of Kapoor, C…":                      "files of <chen.kapoor>…",
		"files of chen.kapoo…":                     "files of <chen.kapoor>…",
		"Jose Garcia L…":                           "<jose.garcia-lopez>…",
		"files of Chen…":                           "files of Chen…",
		"Granted a right; will grant it":           "Granted a right; <will> it",
		"a grant of Will":                          "a grant of Will",
		"Chen, of finance; Kapoor of sales":        "Chen, of finance; Kapoor of sales",
		"marketing, Annual Leecher, Lee … Ann":     "marketing, Annual Leecher, Lee … Ann",
		"Out Sider, out.sider@elsewhere.example":   "Out Sider, out.sider@elsewhere.example",
		"ChenKapoorCV.docx":                        "<chen.kapoor>CV.docx",
		"KapoorChen2026, 2026chenkapoor":           "<chen.kapoor>2026, 2026<chen.kapoor>",
		"IMG20260417ChenKapoor":                    "IMG20260417<chen.kapoor>",
		"of AnnMcDonaldCV, annmcdonald1":           "of <ann.mcdonald>CV, <ann.mcdonald>1",
		"Ch\u200ben Kap\u00adoor\u200b!":           "<chen.kapoor>\u200b!",
		"Chen\u200b Kapoor, Chen\u00a0Kapoor":      "<chen.kapoor>, <chen.kapoor>",
		"Ｃｈｅｎ　Ｋａｐｏｏｒ":                              "<chen.kapoor>",
		"Che\u0301n Kapo\u0308or":                  "<chen.kapoor>",
		"Chen&nbsp;Kapoor, Chen&#32;Kapoor":        "<chen.kapoor>, <chen.kapoor>",
		"Kapoor (Chen); \"Kapoor\"; \"Chen\"":      "<chen.kapoor>); \"<chen.kapoor>\"",
		"Chen\tKapoor, Chen  Kapoor, Chen|Kapoor":  "<chen.kapoor>, <chen.kapoor>, <chen.kapoor>",
		"Chen – Kapoor, Chen\\Kapoor, Chen=Kapoor": "<chen.kapoor>, <chen.kapoor>, <chen.kapoor>",
		"Søren Kjær, soren.kjaer, SOREN KJÆR":      "<soren.kjaer>, <soren.kjaer>, <soren.kjaer>",
		"F0CHENKAP2, 4f9a3chen, abc123def":         "F0CHENKAP2, 4f9a3chen, abc123def",
		"of doelu, doelu@gmail.com, dolu":          "of <doelu>, <doelu>@gmail.com, dolu",
		"467,568 rows":                             "467,568 rows",
		"":                                         "",
		"Chen\nKapoor":                             "Chen\nKapoor",
	} {
		if got := m.Replace(text, by); got != want {
			t.Errorf("%q becomes %q, not %q", text, got, want)
		}
	}
	if m.Account("MEI.KAYA@acme.example") != "mei.yilmaz@acme.example" || m.Account("nobody") != "" || !m.Has("github:octo-lena") {
		t.Error("accounts are not found")
	}
}
