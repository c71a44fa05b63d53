package files

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	slashes "path"
	"strconv"
	"strings"
)

// Limits of workbooks. Budget limits their unpacked size.
const (
	maxToken   = 8 << 20  // bytes of XML for one text
	maxStrings = 64 << 20 // bytes of all texts that cells share
	maxShared  = 4 << 20  // number of them
	maxSheets  = 256
	maxCells   = 16_384    // in a row, as in Excel
	maxRows    = 1_048_576 // in a sheet, as in Excel
)

// workbook is an Excel workbook (.xlsx).
type workbook struct {
	zip    *zip.Reader
	spent  *budgetUse
	sheets []sheet
	texts  []byte // that cells share, one after another
	ends   []int  // of each
}

// sheet is a sheet of a workbook.
type sheet struct{ name, member string }

// workbook reads the sheets of an Excel workbook, each like a table in CSV.
func (r *reader) workbook(name string, z *zip.Reader) error {
	w := &workbook{zip: z, spent: r.spent}
	if err := w.open(); err != nil {
		return r.lost(spoiled(err).reason)
	}
	var errs []error
	some := false
	for _, s := range w.sheets {
		if err := r.spent.check(); err != nil {
			return errors.Join(append(errs, memberError(name+"!"+s.name, unreadable(err)))...)
		}
		rows, done, err := w.rows(s)
		if err == nil && len(rows.first) == 0 && rows.err == io.EOF { // nothing in it
			done()
			continue
		}
		some = true
		errs = append(errs, member(name+"!"+s.name, func(inner string) error {
			if err != nil {
				return r.lost(spoiled(err).reason)
			}
			defer done()
			r.rep.Parts++
			r.rowLines = true
			err := r.read(inner, rows)
			r.rowLines = false
			return err
		}))
	}
	if !some {
		r.rep.Parts++
		return &notice{reason: "an Excel workbook with nothing in it"}
	}
	return errors.Join(errs...)
}

// spoiled is the notice for a workbook, or a sheet, that cannot be read further.
func spoiled(err error) *notice {
	n := (*notice)(nil)
	syntax := (*xml.SyntaxError)(nil)
	switch {
	case errors.As(err, &n):
		return n
	case errors.As(err, &syntax) && syntax.Msg == "unexpected EOF", errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &notice{"Excel workbook: cut off", true}
	}
	return &notice{"Excel workbook: " + err.Error(), true}
}

// open reads which sheets there are, and the texts that they share.
func (w *workbook) open() error {
	targets := map[string]string{}
	err := w.each("xl/_rels/workbook.xml.rels", func(x *tokens, e xml.StartElement) error {
		if e.Name.Local == "Relationship" {
			to := attribute(e, "Target")
			if !strings.HasPrefix(to, "/") {
				to = "/xl/" + to
			}
			targets[attribute(e, "Id")] = strings.TrimPrefix(slashes.Clean(to), "/")
		}
		return x.room(len(targets))
	})
	if err != nil {
		return err
	}
	err = w.each("xl/workbook.xml", func(_ *tokens, e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			if d := attribute(e, "date1904"); d == "1" || d == "true" {
				return errors.New("its days are counted from 1904: save the sheet as CSV")
			}
		case "sheet":
			if len(w.sheets) == maxSheets {
				return errors.New("over 256 sheets")
			}
			w.sheets = append(w.sheets, sheet{attribute(e, "name"), targets[attribute(e, "id")]})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, to := range []string{"xl/sharedStrings.xml", "xl/SharedStrings.xml"} {
		if w.find(to) != nil {
			return w.each(to, w.shared)
		}
	}
	return nil
}

// shared reads a text that cells share.
func (w *workbook) shared(x *tokens, e xml.StartElement) error {
	if e.Name.Local != "si" {
		return nil
	}
	text, err := x.text("si")
	if err != nil {
		return err
	}
	w.texts = append(w.texts, text...)
	w.ends = append(w.ends, len(w.texts))
	if len(w.texts) > maxStrings || len(w.ends) > maxShared {
		return errors.New("texts of over 64 MiB: save the sheet as CSV")
	}
	return nil
}

// find returns a member of the workbook, or nil.
func (w *workbook) find(name string) *zip.File {
	for _, m := range w.zip.File {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// start begins reading a member of the workbook.
func (w *workbook) start(name string) (x *tokens, done func(), err error) {
	m := w.find(name)
	if m == nil {
		return nil, nil, errors.New(name + " is missing")
	}
	if m.Flags&1 != 0 {
		return nil, nil, errors.New("encrypted")
	}
	f, err := m.Open()
	if err != nil {
		return nil, nil, err
	}
	x = &tokens{in: &inflating{f, w.spent, "zip member"}}
	x.Decoder = xml.NewDecoder(x)
	return x, func() { f.Close() }, nil
}

// each calls read for all elements of a member.
func (w *workbook) each(name string, read func(x *tokens, e xml.StartElement) error) error {
	x, done, err := w.start(name)
	if err != nil {
		return err
	}
	defer done()
	for {
		t, err := x.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := t.(xml.StartElement); ok {
			if err := read(x, e); err != nil {
				return err
			}
		}
	}
}

// attribute returns an attribute of an element, whatever its prefix.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// tokens reads XML. None of its parts may be longer than maxToken.
type tokens struct {
	*xml.Decoder
	in   io.Reader
	used int // bytes since the last token
}

// Read implements io.Reader for the decoder.
func (x *tokens) Read(p []byte) (int, error) {
	if x.used > maxToken {
		return 0, errors.New("a text of over 8 MiB")
	}
	n, err := x.in.Read(p)
	x.used += n
	return n, err
}

// next returns the next token.
func (x *tokens) next() (xml.Token, error) {
	x.used = 0
	return x.RawToken()
}

// room returns an error if there are too many of something.
func (x *tokens) room(n int) error {
	if n > 10_000 {
		return errors.New("over 10,000 parts")
	}
	return nil
}

// text returns the text in an element that has begun, without the pronunciation that may be beside it.
func (x *tokens) text(name string) ([]byte, error) {
	var text []byte
	inText, aside := false, 0
	for {
		t, err := x.next()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			inText = t.Name.Local == "t" || t.Name.Local == "v"
			if t.Name.Local == "rPh" {
				aside++
			}
		case xml.EndElement:
			inText = false
			if t.Name.Local == "rPh" {
				aside--
			}
			if t.Name.Local == name {
				return unescaped(text), nil
			}
		case xml.CharData:
			if inText && aside == 0 {
				text = append(text, t...)
			}
			if len(text) > maxToken {
				return nil, errors.New("a text of over 8 MiB")
			}
		}
	}
}

// unescaped undoes how Excel writes control characters: _x000D_.
func unescaped(text []byte) []byte {
	at := bytes.Index(text, []byte("_x"))
	if at < 0 {
		return text
	}
	out := bytes.Clone(text[:at])
	for text = text[at:]; len(text) > 0; {
		if len(text) >= 7 && text[0] == '_' && text[1] == 'x' && text[6] == '_' {
			if c, err := strconv.ParseUint(string(text[2:6]), 16, 16); err == nil {
				out, text = append(out, string(rune(c))...), text[7:]
				continue
			}
		}
		out, text = append(out, text[0]), text[1:]
	}
	return out
}

// sheetText is the text of a sheet as a table in CSV, a line for each row.
type sheetText struct {
	book  *workbook
	x     *tokens
	first [][]string // the first rows, which say how wide the table is
	lines []int      // their numbers
	width int
	line  int // of the row written last
	size  int // bytes of the row that is read
	err   error
	csvText
}

// rows begins reading a sheet.
func (w *workbook) rows(s sheet) (t *sheetText, done func(), err error) {
	t = &sheetText{book: w}
	if t.x, done, err = w.start(s.member); err != nil {
		return nil, nil, err
	}
	for len(t.first) < manyLines && t.err == nil {
		var cells []string
		var line int
		if cells, line, t.err = t.row(); t.err == nil && len(cells) > 0 {
			t.first, t.lines = append(t.first, cells), append(t.lines, line)
			t.width = max(t.width, len(cells))
		}
	}
	return t, done, nil
}

// row reads the next row and returns its cells, without empty ones at its end, and its number.
func (t *sheetText) row() (cells []string, line int, err error) {
	t.size = 0
	for {
		token, err := t.x.next()
		if err != nil {
			return nil, 0, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "row":
				if line, err = strconv.Atoi(attribute(e, "r")); err != nil || line < 1 || line > maxRows {
					line = 0
				}
			case "c":
				if cells, err = t.add(e, cells); err != nil {
					return nil, 0, err
				}
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "row":
				for len(cells) > 0 && cells[len(cells)-1] == "" {
					cells = cells[:len(cells)-1]
				}
				return cells, line, nil
			case "sheetData":
				return nil, 0, io.EOF
			}
		}
	}
}

// add reads a cell and adds it to those of its row.
func (t *sheetText) add(e xml.StartElement, cells []string) ([]string, error) {
	at := len(cells)
	if ref := attribute(e, "r"); ref != "" {
		at = columnOf(ref)
	}
	kind := attribute(e, "t")
	text, err := t.x.text("c")
	if err != nil {
		return cells, err
	}
	if at < len(cells) || at >= maxCells {
		return cells, errors.New("cells that are not in order")
	}
	for len(cells) < at {
		cells = append(cells, "")
	}
	switch kind {
	case "s":
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 0 || n >= len(t.book.ends) {
			return cells, errors.New("a cell whose text is missing")
		}
		from := 0
		if n > 0 {
			from = t.book.ends[n-1]
		}
		text = t.book.texts[from:t.book.ends[n]]
	case "b":
		text = []byte(strconv.FormatBool(string(text) == "1"))
	case "e": // #N/A
		text = nil
	case "", "n":
		if f, err := strconv.ParseFloat(string(text), 64); err == nil && bytes.ContainsAny(text, "eE") {
			text = strconv.AppendFloat(nil, f, 'f', -1, 64)
		}
	}
	if t.size += len(text); t.size > maxRecord {
		return cells, errors.New("a row of over 4 MiB")
	}
	return append(cells, string(text)), nil
}

// columnOf returns the number of the column of a cell, from 0: 27 for AB12. It is maxCells if there is
// none.
func columnOf(ref string) int {
	n := 0
	for i := 0; i < len(ref) && i < 4; i++ {
		c := ref[i] | 0x20
		if c < 'a' || c > 'z' {
			break
		}
		n = 26*n + int(c-'a') + 1
	}
	if n == 0 {
		return maxCells
	}
	return n - 1
}

// Read implements io.Reader.
func (t *sheetText) Read(p []byte) (int, error) {
	for len(t.text) == 0 {
		if len(t.first) == 0 && t.err != nil {
			if t.err != io.EOF {
				t.err = spoiled(t.err)
			}
			return 0, t.err
		}
		t.fill()
	}
	n := copy(p, t.text)
	t.text = t.text[n:]
	return n, t.book.spent.inflate(n)
}

// fill writes the next rows.
func (t *sheetText) fill() {
	t.buf = t.buf[:0]
	for len(t.buf) < 64<<10 {
		var cells []string
		var line int
		if len(t.first) > 0 {
			cells, line = t.first[0], t.lines[0]
			t.first, t.lines = t.first[1:], t.lines[1:]
		} else if t.err == nil {
			cells, line, t.err = t.row()
		}
		if len(cells) == 0 && t.err != nil {
			break
		}
		for t.line++; t.line < line; t.line++ { // rows that are not there
			t.buf = append(t.buf, '\n')
		}
		for i := range max(len(cells), t.width) {
			text := ""
			if i < len(cells) {
				text = cells[i]
			}
			t.cell(i, []byte(text))
		}
		t.buf = append(t.buf, '\n')
	}
	t.text = t.buf
}
