// Package guide has what these pages say about alerts, for the program: what to do about one, and when it
// is wrong.
package guide

import (
	"embed"
	"regexp"
	"strings"
)

//go:embed *.md
var pages embed.FS

// Guide is what a reader of an alert needs to know beside it: paragraphs of plain text.
type Guide struct {
	Todo  []string // what to do
	Wrong []string // when it is wrong
}

// For returns the guide for a detector; an empty one if the detector has no page.
func For(detector string) Guide {
	page, err := pages.ReadFile(detector + ".md")
	if err != nil {
		return Guide{}
	}
	return Guide{Todo: section(string(page), "What to do"), Wrong: section(string(page), "When it is wrong")}
}

var (
	links = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	marks = strings.NewReplacer("`", "", "**", "")
)

// section returns the paragraphs, list items and rows of a section, without marks of Markdown.
func section(page, title string) (paragraphs []string) {
	_, text, found := strings.Cut(page, "\n## "+title+"\n")
	if !found {
		return nil
	}
	text, _, _ = strings.Cut(text, "\n## ")
	open := false // the next line continues the paragraph
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(marks.Replace(links.ReplaceAllString(line, "$1")))
		cells, row := strings.CutPrefix(line, "|")
		item, listed := strings.CutPrefix(line, "- ")
		switch {
		case row:
			if open = false; strings.Trim(line, "|- ") == "" { // a table without a heading
				continue
			}
			left, right, _ := strings.Cut(strings.TrimSuffix(cells, "|"), "|")
			paragraphs = append(paragraphs, strings.TrimSpace(left)+": "+strings.TrimSpace(right))
		case line == "":
			open = false
		case listed:
			paragraphs, open = append(paragraphs, item), true
		case open:
			paragraphs[len(paragraphs)-1] += " " + line
		default:
			paragraphs, open = append(paragraphs, line), true
		}
	}
	return paragraphs
}
