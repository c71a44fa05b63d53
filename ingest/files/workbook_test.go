package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/files"
)

// book returns an Excel workbook with sheets, given as the XML in their sheetData.
func book(shared string, sheets ...string) []byte {
	members := []string{"[Content_Types].xml", `<?xml version="1.0"?><Types/>`}
	var list, rels strings.Builder
	for i, s := range sheets {
		fmt.Fprintf(&list, `<sheet name="Sheet %d" sheetId="%d" r:id="rId%d"/>`, i+1, i+1, i+1)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
		members = append(members, fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1),
			`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`+"\n"+`<worksheet xmlns="m"><cols/><sheetData>`+s+`</sheetData><mergeCells/></worksheet>`)
	}
	return zipped(append(members,
		"xl/workbook.xml", `<workbook xmlns:r="r"><workbookPr/><sheets>`+list.String()+`</sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships>`+rels.String()+`</Relationships>`,
		"xl/sharedStrings.xml", `<sst count="99999999">`+shared+`</sst>`)...)
}

const (
	bookTexts = `<si><t>eventid</t></si><si><r><rPr/><t>event</t></r><r><t>time</t></r><rPh><t>x</t></rPh></si><si><t>eventname</t></si>` +
		`<si><t>eventsource</t></si><si><t xml:space="preserve">GetObject</t></si>`
	bookHeader = `<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c><c r="C3" t="s"><v>2</v></c><c r="D3" t="s"><v>3</v></c></row>`
)

// TestWorkbook reads sheets with shared and inline texts, days as numbers, and gaps.
func TestWorkbook(t *testing.T) {
	content := book(bookTexts,
		`<row r="1"><c r="A1" t="inlineStr"><is><t>How to read this</t></is></c></row>`,
		bookHeader+`<row r="4"><c r="A4" t="str"><f>1</f><v>a</v></c><c r="B4" s="1"><v>46083.333344907405</v></c><c r="C4" t="s"><v>4</v></c>`+
			`<c r="D4" t="inlineStr"><is><t>s3.amazonaws.com</t></is></c><c r="F4" s="3"/></row>`+
			`<row r="9"><c r="A9" t="inlineStr"><is><t>b_x000D_</t></is></c><c r="B9" t="d"><v>2026-03-02T08:00:02Z</v></c><c r="C9" t="s"><v>4</v></c>`+
			`<c r="D9" t="inlineStr"><is><t>s3.amazonaws.com</t></is></c></row>`+
			`<row r="10"><c r="A10" t="inlineStr"><is><t>c</t></is></c><c r="B10" t="e"><v>#REF!</v></c><c r="D10" t="inlineStr"><is><t>s3.amazonaws.com</t></is></c></row>`,
		"")
	for name, content := range map[string][]byte{"workbook": content, "zip": zipped("a/b.xlsx", string(content))} {
		events, r := read(t, content)
		if len(events) != 2 || events[0].Time != second(1).UnixMilli() || events[1].Time != second(2).UnixMilli() || r.Parts != 2 || r.Known != 1 ||
			r.ProblemCount != 1 || !strings.Contains(r.Problems[0].String(), "!Sheet 2:10: ") || !strings.Contains(r.Reason, "!Sheet 1: text of an unknown kind") {
			t.Errorf("%s: %+v %+v", name, events, r)
		}
	}
	b, err := os.ReadFile(filepath.Join("testdata", "hr.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	if events, r := read(t, b); len(events) != 2 || r.Reason != "" || r.ProblemCount != 0 {
		t.Errorf("written by a library: %+v %+v", events, r)
	}
}

// TestBadWorkbook checks that workbooks that are damaged, or made to do harm, end with a reason.
func TestBadWorkbook(t *testing.T) {
	row := `<row r="4"><c r="A4" t="inlineStr"><is><t>a</t></is></c><c r="B4"><v>46083.5</v></c><c r="C4" t="s"><v>4</v></c><c r="D4" t="s"><v>4</v></c></row>`
	long := `<si><t>` + strings.Repeat("x", 3<<20) + `</t></si>`
	for _, c := range []struct {
		name    string
		content []byte
		events  int
		want    string
	}{
		{"nothing", book("", ""), 0, "an Excel workbook with nothing in it"},
		{"no such text", book("", bookHeader), 0, "a cell whose text is missing"},
		{"cut", book(bookTexts, bookHeader+row+`<row r="5"><c r="A5"><v>`), 1, "Excel workbook: "},
		{"out of order", book(bookTexts, bookHeader+row+`<row><c r="B5"><v>1</v></c><c r="A5"><v>1</v></c></row>`), 1, "cells that are not in order"},
		{"a row of shared texts", book(long, bookHeader[:0]+`<row>`+strings.Repeat(`<c t="s"><v>0</v></c>`, 1000)+`</row>`), 0, "a row of over 4 MiB"},
		{"a long text", book(strings.Replace(long, "x", strings.Repeat("x", 9<<20), 1), row), 0, "a text of over 8 MiB"},
		{"days from 1904", []byte(zipped("xl/_rels/workbook.xml.rels", "<x/>", "xl/workbook.xml", `<workbook><workbookPr date1904="1"/></workbook>`)), 0, "1904"},
		{"no sheets", zipped("xl/workbook.xml", "<workbook/>"), 0, "xl/_rels/workbook.xml.rels is missing"},
		{"binary", zipped("xl/workbook.bin", "x"), 0, "binary Excel workbook"},
		{"old", append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 600)...), 0, "an Office file of the old kind"},
	} {
		events, r := read(t, c.content)
		said := r.Reason
		for _, p := range r.Problems {
			said += "\n" + p.String()
		}
		if len(events) != c.events || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d events, said %q", c.name, len(events), said)
		}
	}
}

// FuzzWorkbook asserts that the rows of a workbook, whatever they are, are read or counted.
func FuzzWorkbook(f *testing.F) {
	f.Add(bookTexts, bookHeader+`<row r="4"><c r="A4" t="str"><v>a</v></c><c r="B4"><v>46083.5</v></c><c r="C4" t="s"><v>4</v></c><c r="D4" t="s"><v>4</v></c></row>`)
	f.Add("", `<row><c t="inlineStr"><is><t>EmailAddress</t></is></c><c t="inlineStr"><is><t>ResignationDate</t></is></c></row><row><c/><c r="ZZ9"><v>1e300</v></c></row>`)
	f.Add("<si/>", `<row r="1048576"><c r="XFD1" t="s"><v>0</v></c></row><row r="1"/>`)
	f.Fuzz(func(t *testing.T, shared, rows string) {
		events, r := stream(t, book(shared, rows, rows), files.Budget{Inflated: 4 << 20, Ratio: 50})
		if len(events) > 0 && r.Records == 0 {
			t.Errorf("%d events of %d records", len(events), r.Records)
		}
	})
}
