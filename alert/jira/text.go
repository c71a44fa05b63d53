package jira

import (
	"regexp"
	"strings"
)

// macro begins, and ends, a block in which wiki markup has no meaning.
var macro = regexp.MustCompile(`(?i)\{(\s*noformat)`)

// noFormat returns a text in wiki markup, as a block without any: nothing in the text ends it.
func noFormat(text string) string {
	return "{noformat}\n" + macro.ReplaceAllString(text, "($1") + "{noformat}"
}

// node is a node of the Atlassian Document Format. Its text has no markup
// (developer.atlassian.com/cloud/jira/platform/apis/document/structure).
type node struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"`
	Text    string `json:"text,omitempty"`
	Marks   []mark `json:"marks,omitempty"`
	Content []node `json:"content,omitempty"`
}

// mark is what a text is beside its words: a link.
type mark struct {
	Type  string            `json:"type"`
	Attrs map[string]string `json:"attrs"`
}

// document returns a text as a document: a paragraph for each block of lines, in which a line that is the link is one.
func document(text, link string) node {
	doc := node{Type: "doc", Version: 1}
	for block := range strings.SplitSeq(text, "\n\n") {
		p := node{Type: "paragraph"}
		for line := range strings.SplitSeq(strings.Trim(block, "\n"), "\n") {
			if line == "" { // Jira refuses empty texts
				continue
			}
			if len(p.Content) > 0 {
				p.Content = append(p.Content, node{Type: "hardBreak"})
			}
			t := node{Type: "text", Text: line}
			if line == link {
				t.Marks = []mark{{"link", map[string]string{"href": link}}}
			}
			p.Content = append(p.Content, t)
		}
		if len(p.Content) > 0 {
			doc.Content = append(doc.Content, p)
		}
	}
	return doc
}
