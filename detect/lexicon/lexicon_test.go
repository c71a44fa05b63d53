package lexicon

import (
	"os"
	"strings"
	"testing"
)

// names reads a list of testdata, without comments.
func names(t *testing.T, file string) (list []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// TestTopics measures how many of the names that organisations protect are recognised.
func TestTopics(t *testing.T) {
	var n Names
	found, all := map[string]int{}, map[string]int{}
	for _, line := range names(t, "topics.txt") {
		language, name, _ := strings.Cut(line, ": ")
		all[language]++
		if n.Place(name) >= Enough {
			found[language]++
		} else {
			t.Logf("missed: %s", line)
		}
	}
	if len(all) < 12 {
		t.Errorf("%d languages", len(all))
	}
	for language, of := range all {
		if of < 20 || found[language] < of-2 {
			t.Errorf("%s: %d of %d", language, found[language], of)
		}
	}
}

// TestOrdinary measures how many ordinary names are taken for sensitive ones.
func TestOrdinary(t *testing.T) {
	var n Names
	wrong, all := 0, names(t, "ordinary.txt")
	for _, name := range all {
		score := n.Place(name)
		if strings.Contains(name, ".") {
			score = n.File(name)
		}
		if score >= Enough {
			wrong++
			t.Logf("wrong: %s %.2f", name, score)
		}
	}
	if len(all) < 200 || wrong*50 > len(all) {
		t.Errorf("%d of %d ordinary names count as sensitive", wrong, len(all))
	}
}

func TestFold(t *testing.T) {
	for name, want := range map[string]string{
		"":                   " ",
		"Board-Minutes_2026": " board minutes 2026 ",
		"BoardMinutesQ3":     " board minutes q 3 ",
		"HRCases":            " hr cases ",
		"Gehälter/Größe":     " gehalter grosse ",
		"Geha\u0308lter":     " gehalter ", // as macOS writes it
		"Płace œuvre Ø":      " place oeuvre o ",
		"M&A":                " m & a ",
		"l'évaluation":       " l evaluation ",
		"M&A検討資料2026":        " m & a 検討資料 2026 ",
		"パスワード":              " ハスワート ", // without the marks, as the entries are
		"ＨＲ":                 " hr ",
		"\xff\xfePay":        " pay ",
	} {
		if got := string(fold(nil, name)); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// TestWords checks that the lists can be read, and that every false friend hides something.
func TestWords(t *testing.T) {
	list, err := read(words)
	if err != nil {
		t.Fatal(err)
	}
	x := build(list)
	if len(x.entries) < 3000 {
		t.Errorf("%d entries", len(x.entries))
	}
	for _, e := range x.entries {
		text := []byte(" " + strings.Trim(e.pattern, " ") + " ")
		if got := x.score(text, 1); e.weight > 0 && got == 0 {
			t.Errorf("%q is hidden by a false friend", e.pattern)
		} else if e.weight == 0 && got > 0 {
			t.Errorf("%q hides nothing: %.2f", e.pattern, got)
		}
	}
}

// TestForms has compounds, inflected words and spellings beside the words that they look like.
func TestForms(t *testing.T) {
	var n Names
	for name, want := range map[string]bool{
		"Gehaltsliste": true, "Grundgehälter": true, "gehaelter2026": true, "Zuckergehalt": false, "ZurückgehalteneTickets": false,
		"KundenstammdatenExport": true, "Sekundenzähler": false, "Stundenplan": false, "Passwörter": true, "Personalaktenverwaltung": true,
		"Kündigungsschreiben": true, "Legalität": false, "Rechtschreibung": false, "Salarisstroken": true, "Klantenservice": false,
		"Lönelista": true, "Loensedler": true, "Lönsamhet": false, "Styrelseprotokoll": true, "lønnsoppgjør": true,
		"salaries": true, "ExecutiveSalaries": true, "payload": false, "PayLoads": false, "dashboards": false, "Board of Directors": true,
		"duediligence": true, "due_diligence-2026": true, "merge-requests": false, "mergers": true, "secretariat": false, "topsecret": true,
		"Denominaciones": false, "Nominas 2026": true, "paysages": false, "bulletins-de-paie": true, "formulaires": false, "formules": true,
		"Segreteria": false, "segreti": true, "premierzy": false, "premie": true, "placówki": false, "lista-plac": true,
		"weather forecast": false, "sales forecast": true, "秘書室": false, "極秘資料": true, "客户端": false, "客户资料": true,
		"Invoices": false, "Bank": false, "Invoices for payment by bank": true, "talent-blog": false, "provisioning": false, "taxonomy": false,
	} {
		if got := n.Place(name); (got >= Enough) != want {
			t.Errorf("%q: %.2f", name, got)
		}
	}
}

func TestFile(t *testing.T) {
	var n Names
	for name, want := range map[string]bool{
		"contract.docx": false, "invoice-442.pdf": false, "Vertrag.pdf": false, "Rechnung 3.pdf": false, "salaries.xlsx": true,
		"signed-contract-with-bank.pdf": false, "audit-budget.xlsx": true, "legal/contract.docx": true, "finance/2026/notes.txt": true,
		"id_rsa": true, "server.PEM": true, "keynote.key": false, `Team\Board Minutes\a.docx`: true, "README.md": false,
		"https%3A/x/R%C3%A9mun%C3%A9ration/a.pdf": true, "100%.txt": false,
	} {
		if got := n.File(name); (got >= Enough) != want {
			t.Errorf("%q: %.2f", name, got)
		}
	}
	if place, file := n.Place("contracts"), n.File("contracts"); place <= file || n.Place("contracts") != place {
		t.Errorf("a place %.2f, a file %.2f", place, file)
	}
}

func TestPlace(t *testing.T) {
	var n Names
	for name, want := range map[string]bool{
		"https://salaries.sharepoint.com/sites/team":                    false,
		"https://acme.sharepoint.com/sites/salaries":                    true,
		"https://acme-my.sharepoint.com/personal/max_lohn_acme/Docs/x":  false,
		"https://acme-my.sharepoint.com/personal/max_lohn_acme/Payroll": true,
		"payroll@acme.example":                                          false,
		"https://salaries.com":                                          false,
	} {
		if got := n.Place(name); (got >= Enough) != want {
			t.Errorf("%q: %.2f", name, got)
		}
	}
}

func BenchmarkNames(b *testing.B) {
	list := []string{"Board Minutes", "Quarterly results 2026.xlsx", "Kundenstammdaten_Export.csv", "meeting notes.docx"}
	x, text := load(), []byte(nil)
	for b.Loop() {
		for _, name := range list {
			text = fold(text[:0], name)
			x.score(text, 1)
		}
	}
}
