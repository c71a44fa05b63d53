package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
)

// wordsPage has what detectors say in their scenarios.
var wordsPage = filepath.Join("..", "..", "docs", "words.md")

const wordsIntro = `# What alerts say

Every sentence that detectors form, with an example from the scenarios in ` + "`detect/engine/testdata`" + `. In bold is the headline, which is
the title of an alert; below it are the sentence that follows it in text channels and the facts beside it. A test writes this page
(` + "`go test ./detect/engine -run TestDetectors -update`" + `) and compares it with what the program says.
`

// saidBy collects what a detector says, by template: numbers and names do not tell sentences apart.
type saidBy struct {
	mu        sync.Mutex
	sentences map[string]string // by template: as on the page
}

var (
	variable = regexp.MustCompile(`"[^"]*"|[0-9][0-9.,:-]*|p[0-9]+@[a-z.]+|[A-Za-z0-9+._-]+@[A-Za-z0-9.-]+`)
	unitWord = regexp.MustCompile(`\b(minute|hour|day|second|file|item|export|row|object)s?\b`)
)

// take takes in what a detector says at the end of a scenario.
func (s *saidBy) take(t *testing.T, detector string, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range o {
		for _, f := range list {
			if f.Detector != detector || f.Reason == "" {
				continue
			}
			n := len([]rune(f.Headline))
			if n == 0 || n > detect.MaxHeadline || strings.HasSuffix(f.Headline, "…") || len(f.Facts) > finding.MaxFacts {
				t.Errorf("%s: a headline of %d characters and %d facts: %q", detector, n, len(f.Facts), f.Headline)
			}
			var b strings.Builder
			fmt.Fprintf(&b, "- **%s**\n", f.Headline)
			fmt.Fprintf(&b, "  - %s.\n", strings.TrimSuffix(detect.Capital(f.Reason), "."))
			for _, x := range f.Facts {
				fmt.Fprintf(&b, "  - %s: %s\n", x.Kind, x.Text)
			}
			template := unitWord.ReplaceAllString(variable.ReplaceAllString(f.Headline+f.Reason, "#"), "%")
			text := strings.ReplaceAll(b.String(), "<", "&lt;")
			if held, known := s.sentences[template]; !known || text < held {
				s.sentences[template] = text
			}
		}
	}
}

// section is the part of the page about a detector.
func (s *saidBy) section(det *detect.Detector) string {
	list := make([]string, 0, len(s.sentences))
	for _, text := range s.sentences {
		list = append(list, text)
	}
	slices.Sort(list)
	return fmt.Sprintf("\n## %s (`%s`)\n\n%s", det.Title, det.Name, strings.Join(list, ""))
}

// compareWords compares the page with what detectors said, or writes it.
func compareWords(t *testing.T, said map[string]*saidBy) {
	page := wordsIntro
	for _, det := range testCatalog.detectors {
		if s := said[det.Name]; s != nil && len(s.sentences) > 0 {
			page += s.section(det)
		}
	}
	if *update {
		if err := os.WriteFile(wordsPage, []byte(page), 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	b, err := os.ReadFile(wordsPage)
	if err != nil {
		t.Error(err)
		return
	}
	for name, s := range said {
		det := testCatalog.detectors[testCatalog.detected[name]]
		if want := s.section(det); len(s.sentences) > 0 && !strings.Contains(string(b), want) {
			t.Errorf("docs/words.md does not have what %s says (write it with -update):\n%s", name, want)
		}
	}
}
