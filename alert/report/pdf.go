package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"golang.org/x/image/font/sfnt"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/internal/plain"
)

// Papers are the sizes of paper that a PDF may have.
var Papers = []string{"a4", "letter"}

// Measures of a page, in millimetres, and of its text, in points.
const (
	pdfSide   = 20.0
	pdfTop    = 24.0
	pdfBottom = 20.0
	pdfLine   = 5.0
	pdfText   = 10.0
	pdfSmall  = 8.5
)

// pageCount stands for the number of pages until that is known.
const pageCount = "{nb}"

// WritePDF writes the review as a PDF file on a4 or letter. Characters that its font lacks are boxes, and the last page
// says so.
func (r *Review) WritePDF(w io.Writer, paper string) error {
	f := fpdf.New("P", "mm", paper, "")
	f.SetCatalogSort(true)
	f.SetCreationDate(r.Made)
	f.SetModificationDate(r.Made)
	f.SetLang("en")
	f.SetProducer("Outflow", true)
	f.AddUTF8FontFromBytes("dejavu", "", dejavusans.TTF)
	f.AddUTF8FontFromBytes("dejavu", "B", dejavusansbold.TTF)
	f.SetMargins(pdfSide, pdfTop, pdfSide)
	f.SetAutoPageBreak(true, pdfBottom)
	f.AliasNbPages(pageCount)
	p := &pdf{Fpdf: f, review: r}
	p.SetTitle(p.glyphs("Offboarding review: "+r.Title()), true)
	p.width, p.height = f.GetPageSize()
	p.width -= 2 * pdfSide
	f.SetHeaderFuncMode(p.header, true)
	f.SetFooterFunc(p.footer)
	f.AddPage()
	p.write()
	if err := f.Error(); err != nil {
		return fmt.Errorf("report: write PDF: %w", err)
	}
	return f.Output(w)
}

// pdf is a review on its way to paper.
type pdf struct {
	*fpdf.Fpdf
	review        *Review
	width, height float64 // of the text's column, of the page
	missing       bool    // a character had no glyph
	joined        bool    // a text has letters that join, or runs from right to left
}

func (p *pdf) write() {
	r := p.review
	p.first()
	p.timeline()
	p.left()
	p.open()
	if list := r.Others(); len(list) > 0 {
		p.heading("Day by day")
		for _, s := range list {
			p.chart(s)
		}
	}
	p.heading("Checked, nothing unusual found")
	if s := r.OnDays(); s != "" {
		p.para(s)
	}
	for _, c := range r.Normal {
		p.item("", c.Field+": "+strings.Join(c.What, ", ")+".")
	}
	if len(r.Normal) == 0 {
		p.para("Nothing could be checked.")
	}
	p.unseen()
	p.heading("How it is counted")
	for _, s := range r.Counting {
		p.item("", s)
	}
	p.statement()
}

// header is at the top of each page.
func (p *pdf) header() {
	p.SetFont("dejavu", "", pdfSmall)
	p.ink(quietColor)
	p.SetXY(pdfSide, 12)
	said := "Offboarding review"
	if p.review.Case != "" {
		said += " · case " + short(p.review.Case)
	}
	p.CellFormat(p.width/2, pdfLine, p.glyphs(said), "", 0, "L", false, 0, "")
	p.CellFormat(p.width/2, pdfLine, "Confidential", "", 0, "R", false, 0, "")
	p.SetY(pdfTop)
}

// footer is at the bottom of each page.
func (p *pdf) footer() {
	p.SetFont("dejavu", "", pdfSmall)
	p.ink(quietColor)
	p.SetXY(pdfSide, -14)
	p.CellFormat(p.width/2, pdfLine, "Made "+date(p.review.Made)+" by Outflow", "", 0, "L", false, 0, "")
	p.SetX(pdfSide + p.width - p.GetStringWidth("Page 99 of 99") - 2) // how long the line becomes is known at the end
	p.CellFormat(0, pdfLine, fmt.Sprintf("Page %d of %s", p.PageNo(), pageCount), "", 0, "L", false, 0, "")
}

// first writes what decides: who, the verdict, the chart, what to do next.
func (p *pdf) first() {
	r := p.review
	p.SetFont("dejavu", "B", 16)
	p.ink(inkColor)
	p.MultiCell(0, 7.5, p.glyphs(r.Title()), "", "L", false)
	p.Ln(1)
	data := strings.Join(r.Gaps, " ")
	if data == "" {
		data = "Complete: there are no long stretches without data."
	}
	prepared, checked := date(r.Made), "not yet"
	if r.PreparedBy != "" {
		prepared += " by " + r.PreparedBy
	}
	if r.Checked != nil {
		checked = date(r.Checked.At) + " by " + r.Checked.By
		if r.Checked.Changed {
			checked += "; it has changed since"
		}
	}
	known := func(s string) string {
		if s == "1 January 0001" {
			return "not known"
		}
		return s
	}
	facts := [][2]string{
		{"Account", r.Person}, {"Department", r.Profile.Department}, {"Role", r.Profile.Role}, {"Manager", r.Profile.Manager},
		{"Notice", known(date(r.Notice))}, {"Last day", known(date(r.LastDay))}, {"Period", date(r.From) + " to " + date(r.To)},
		{"Data", data}, {"Watchlist", strings.Join(r.Watchlists, "; ")}, {"Prepared", prepared}, {"Checked", checked},
	}
	for _, f := range facts {
		if f[1] != "" {
			p.fact(f[0], f[1])
		}
	}
	p.verdict()
	if s := r.Main(); s != nil {
		p.chart(s)
	} else if len(r.Timeline) > 0 {
		p.draw(r.timeline())
	}
	p.heading("What to do next")
	for i, s := range r.Next {
		p.item(strconv.Itoa(i+1)+".", s)
	}
}

// fact writes a name and its value.
func (p *pdf) fact(name, value string) {
	p.SetFont("dejavu", "", pdfText)
	p.ink(quietColor)
	p.CellFormat(30, pdfLine, name, "", 0, "L", false, 0, "")
	p.ink(inkColor)
	p.SetLeftMargin(pdfSide + 30)
	p.MultiCell(0, pdfLine, p.glyphs(value), "", "L", false)
	p.SetLeftMargin(pdfSide)
	p.SetX(pdfSide)
}

// verdict writes the headline in a box with a bar in the colour of the verdict.
func (p *pdf) verdict() {
	colour := map[Verdict]string{Act: "#b84500", Nothing: "#1a6b3c"}[p.review.Verdict]
	if colour == "" {
		colour = "#8a5a00"
	}
	p.Ln(3)
	p.SetFont("dejavu", "B", 11.5)
	lines := p.SplitText(p.glyphs(p.review.Headline), p.width-8)
	height := 6*float64(len(lines)) + 6
	p.need(height)
	x, y := p.GetXY()
	p.fill("#f6f8fa")
	p.Rect(x, y, p.width, height, "F")
	p.fill(colour)
	p.Rect(x, y, 1.6, height, "F")
	p.ink(inkColor)
	p.SetY(y + 3)
	for _, l := range lines {
		p.SetX(pdfSide + 5)
		p.CellFormat(p.width-8, 6, l, "", 1, "L", false, 0, "")
	}
	p.SetY(y + height + 3)
}

func (p *pdf) timeline() {
	r := p.review
	p.heading("What was unusual")
	var rows [][]string
	for i := range r.Timeline {
		x := &r.Timeline[i]
		what := upper(x.Reason) + "."
		if x.Decision != "" {
			what += " " + x.Decision
		}
		rows = append(rows, []string{date(x.Time) + "\n" + x.When, what, titles(x.Sources)})
	}
	p.table([]string{"Day", "What", "Where"}, []float64{.24, .58, .18}, rows, "No day was found to be unusual.")
	if r.Minor > 0 {
		p.para("Omitted: " + plural(r.Minor, "day") + " slightly above baseline, which is normal.")
	}
}

func (p *pdf) left() {
	r := p.review
	p.heading("What left, compared with baseline")
	var rows [][]string
	for i := range r.Left {
		l := &r.Left[i]
		rows = append(rows, []string{
			l.Kind + ": " + l.Unit, titles(l.Sources), plain.Amount(l.Observed), strconv.Itoa(l.Days),
			plain.Amount(l.Expected), plain.Amount(l.Peers),
		})
	}
	p.table([]string{"Kind", "From", "Amount", "Days", "Baseline", "Colleagues"}, []float64{.3, .2, .14, .1, .12, .14}, rows,
		"Nothing beyond baseline.")
	if len(rows) > 0 {
		p.para("Baseline: as many usual days of the same person; colleagues: of " + r.Colleagues() + ".")
	}
	for i := range r.Left {
		p.items(&r.Left[i])
	}
}

// items writes where something went and came from, and the items.
func (p *pdf) items(l *Left) {
	if len(l.Items) == 0 && len(l.Destinations) == 0 {
		return
	}
	p.subheading(l.Kind + ": " + l.Unit)
	sum := func(list []alert.Destination, noun string) string {
		var out []string
		for _, d := range list {
			out = append(out, d.Name+" ("+plural(d.Events, noun)+")")
		}
		return strings.Join(out, ", ")
	}
	if s := sum(l.To(), "event"); s != "" {
		p.para("Destinations: " + s + ".")
	}
	if s := sum(l.From(), "item"); s != "" {
		p.para("Places: " + s + ".")
	}
	var rows [][]string
	for _, x := range l.Shown() {
		rows = append(rows, []string{strings.TrimSuffix(p.review.At(x.Time), " UTC"), sourceTitle(x.Source), x.Text()})
	}
	if len(rows) > 0 {
		p.table([]string{"Time, UTC", "Where", "Item"}, []float64{.21, .17, .62}, rows, "")
	}
	if n := l.NotShown(); n > 0 {
		p.para("Not listed: " + plural(n, "further event") + ". The review as JSON has up to 200 of each day.")
	}
}

func (p *pdf) open() {
	p.heading("Still in effect")
	var rows [][]string
	for i := range p.review.Open {
		x := &p.review.Open[i]
		how := "By " + x.Closer + ". " + x.How
		if x.Link != "" {
			how += " " + x.Link
		}
		rows = append(rows, []string{upper(x.What), date(x.Opened) + "\n" + plural(x.Days, "day"), how})
	}
	p.table([]string{"What", "Since", "How to undo it"}, []float64{.38, .18, .44}, rows,
		"Nothing that this person opened to others is still open, as far as these logs show.")
}

func (p *pdf) unseen() {
	r := p.review
	p.heading("What could not be seen")
	for _, s := range r.Gaps {
		p.item("", s)
	}
	for _, list := range [][]Unseen{r.Unseen, r.NotChecked} {
		for _, u := range list {
			p.item("", upper(u.What)+": "+u.Why)
		}
	}
	if len(r.Gaps)+len(r.Unseen)+len(r.NotChecked) == 0 {
		p.para("Nothing is known to be missing.")
	}
	p.heading("What this rests on")
	said := r.Coverage.Sentence() + "."
	if r.ActiveDays >= 0 {
		said += " The person was active on " + plural(r.ActiveDays, "day") + " of the period."
	}
	p.para(said)
	var rows [][]string
	for i := range r.Coverage.Sources {
		s := &r.Coverage.Sources[i]
		rows = append(rows, []string{sourceTitle(s.Source), strconv.Itoa(s.WithData)})
	}
	if r.Coverage.WithData > 0 {
		p.table([]string{"Service", "Days with data"}, []float64{.5, .5}, rows, "")
	}
}

// statement is the last page: room for the person, signatures, and how to verify the file.
func (p *pdf) statement() {
	p.AddPage()
	p.heading("Employee's statement")
	x, y := p.GetXY()
	p.stroke(quietColor)
	p.Rect(x, y, p.width, 110, "D")
	if s := p.review.Statement; s != "" {
		p.SetXY(x+3, y+3)
		p.MultiCell(p.width-6, pdfLine, p.glyphs(s), "", "L", false)
	}
	p.SetXY(pdfSide, y+130)
	for i, who := range []string{"Name, date, signature (employee)", "Name, date, signature (HR)"} {
		at := pdfSide + float64(i)*(p.width/2+4)
		p.Line(at, y+128, at+p.width/2-4, y+128)
		p.SetXY(at, y+129)
		p.SetFont("dejavu", "", pdfSmall)
		p.ink(quietColor)
		p.CellFormat(p.width/2-4, pdfLine, who, "", 0, "L", false, 0, "")
	}
	p.SetXY(pdfSide, y+140)
	p.para("This report states what the audit logs show. It does not interpret it. To verify that the file is unchanged: " +
		"outflow report verify FILE, with the manifest that was written beside it.")
	if p.missing {
		p.para("□ stands for a character that the font of this file lacks. The review as HTML and as JSON has it.")
	}
	if p.joined {
		p.para("Some text is in a script whose letters join or run from right to left, which this file does not set. " +
			"The review as HTML does.")
	}
}

// need begins a page if there is less room than a height.
func (p *pdf) need(height float64) {
	if p.GetY()+height > p.height-pdfBottom {
		p.AddPage()
	}
}

// heading writes a heading, with room for what follows on the same page.
func (p *pdf) heading(text string) {
	p.Ln(4)
	p.need(30)
	p.SetFont("dejavu", "B", 12)
	p.ink(inkColor)
	p.CellFormat(0, 7, text, "", 1, "L", false, 0, "")
	p.stroke(gridColor)
	p.Line(pdfSide, p.GetY(), pdfSide+p.width, p.GetY())
	p.Ln(2)
}

func (p *pdf) subheading(text string) {
	p.Ln(2)
	p.need(26)
	p.SetFont("dejavu", "B", pdfText)
	p.ink(inkColor)
	p.MultiCell(0, pdfLine+1, p.glyphs(text), "", "L", false)
}

func (p *pdf) para(text string) {
	p.SetFont("dejavu", "", pdfText)
	p.ink(inkColor)
	p.need(2 * pdfLine)
	p.MultiCell(0, pdfLine, p.glyphs(text), "", "L", false)
	p.Ln(1)
}

// item writes an item of a list, with a mark or a bullet.
func (p *pdf) item(mark, text string) {
	if mark == "" {
		mark = "•"
	}
	p.SetFont("dejavu", "", pdfText)
	p.ink(inkColor)
	lines := p.SplitText(p.glyphs(text), p.width-6)
	p.need(pdfLine * float64(min(len(lines), 3)))
	for i, l := range lines {
		if i > 0 {
			mark = ""
		}
		p.CellFormat(6, pdfLine, mark, "", 0, "L", false, 0, "")
		p.CellFormat(p.width-6, pdfLine, l, "", 1, "L", false, 0, "")
	}
	p.Ln(.8)
}

// table writes rows below a head, which each page repeats. A row stays on one page. Instead of no rows it writes none.
func (p *pdf) table(head []string, shares []float64, rows [][]string, none string) {
	if len(rows) == 0 {
		p.para(none)
		return
	}
	p.row(head, shares, true)
	for _, row := range rows {
		p.SetFont("dejavu", "", pdfSmall)
		if p.GetY()+p.rowHeight(row, shares) > p.height-pdfBottom {
			p.AddPage()
			p.row(head, shares, true)
		}
		p.row(row, shares, false)
	}
	p.Ln(2)
}

// cellLines are the lines of a cell.
func (p *pdf) cellLines(text string, width float64) (lines []string) {
	for part := range strings.SplitSeq(text, "\n") {
		lines = append(lines, p.SplitText(p.glyphs(part), width)...)
	}
	return lines
}

// rowHeight is the height of a row.
func (p *pdf) rowHeight(row []string, shares []float64) float64 {
	most := 1
	for i, text := range row {
		most = max(most, len(p.cellLines(text, shares[i]*p.width-3)))
	}
	return 4.2*float64(most) + 2.4
}

// row writes a row of a table. Numbers stand at the right of their cell.
func (p *pdf) row(row []string, shares []float64, head bool) {
	style, color := "", inkColor
	if head {
		style, color = "B", quietColor
	}
	p.SetFont("dejavu", style, pdfSmall)
	p.ink(color)
	x, y := pdfSide, p.GetY()
	height := p.rowHeight(row, shares)
	for i, text := range row {
		width := shares[i] * p.width
		for k, l := range p.cellLines(text, width-3) {
			p.SetXY(x, y+1.2+4.2*float64(k))
			p.CellFormat(width-1, 4.2, l, "", 0, "L", false, 0, "")
		}
		x += width
	}
	p.stroke(gridColor)
	p.Line(pdfSide, y+height, pdfSide+p.width, y+height)
	p.SetXY(pdfSide, y+height)
}

// chart writes the chart of a series with its description.
func (p *pdf) chart(s *Series) {
	p.draw(p.review.period(s))
	p.SetFont("dejavu", "", pdfSmall)
	p.ink(inkColor)
	p.MultiCell(0, 4.2, p.glyphs(s.Title+". "+s.Alt), "", "L", false)
}

// draw writes a drawing over the width of the column, with room for two lines below it.
func (p *pdf) draw(d *drawing) {
	scale := p.width / d.w
	p.need(d.h*scale + 12)
	x0, y0 := pdfSide, p.GetY()
	p.SetLineWidth(.2)
	for _, s := range d.shapes {
		switch s.kind {
		case rectangle:
			p.fill(s.color)
			p.Rect(x0+s.x*scale, y0+s.y*scale, s.w*scale, s.h*scale, "F")
		case stroke:
			p.stroke(s.color)
			if s.dashed {
				p.SetDashPattern([]float64{1, .8}, 0)
			}
			p.Line(x0+s.x*scale, y0+s.y*scale, x0+(s.x+s.w)*scale, y0+(s.y+s.h)*scale)
			p.SetDashPattern(nil, 0)
		case label:
			p.SetFont("dejavu", "", s.size*scale*72/25.4*.95)
			p.ink(s.color)
			text := p.glyphs(s.text)
			at := x0 + s.x*scale
			switch s.anchor {
			case "middle":
				at -= p.GetStringWidth(text) / 2
			case "end":
				at -= p.GetStringWidth(text)
			}
			p.Text(at, y0+s.y*scale, text)
		}
	}
	p.SetXY(pdfSide, y0+d.h*scale+1)
}

// rgb are the parts of a colour of the form #rrggbb.
func rgb(color string) (r, g, b int) {
	n, err := strconv.ParseUint(strings.TrimPrefix(color, "#"), 16, 32)
	if err != nil {
		return 0, 0, 0
	}
	return int(n >> 16), int(n >> 8 & 255), int(n & 255)
}

func (p *pdf) ink(color string)    { p.SetTextColor(rgb(color)) }
func (p *pdf) fill(color string)   { p.SetFillColor(rgb(color)) }
func (p *pdf) stroke(color string) { p.SetDrawColor(rgb(color)) }

// font is the font of PDF files, for its table of characters.
var font = sync.OnceValues(func() (*sfnt.Font, error) { return sfnt.Parse(dejavusans.TTF) })

// glyphs returns a text with boxes for characters that the font lacks, or that could disturb.
func (p *pdf) glyphs(text string) string {
	f, err := font()
	if err != nil {
		p.SetError(err)
		return ""
	}
	var buf sfnt.Buffer
	return strings.Map(func(c rune) rune {
		switch {
		case c < 0x80 && c >= ' ':
			return c
		case plain.Disturbs(c):
			return '·'
		case unicode.In(c, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko):
			p.joined = true
		}
		if at, err := f.GlyphIndex(&buf, c); err != nil || at == 0 || c > 0xffff {
			p.missing = true
			return '□'
		}
		return c
	}, strings.ReplaceAll(strings.ToValidUTF8(text, "·"), pageCount, "{ nb}"))
}
