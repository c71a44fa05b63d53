package engine

import "strings"

// topLabel says whether a label is of the highest tier: one that the
// configuration names, or one with a name that says so anywhere in the world.
func (e *Engine) topLabel(label string) bool {
	if label == "" {
		return false
	}
	label = strings.ToLower(label)
	if e.config.topLabels[label] {
		return true
	}
	for _, w := range []string{
		"highly confidential", "strictly confidential", "top secret", "secret", "restricted", "streng vertraulich",
		"très confidentiel",
	} {
		if label == w || strings.HasPrefix(label, w+" ") || strings.HasPrefix(label, w+"/") || strings.HasPrefix(label, w+"\\") {
			return true
		}
	}
	return false
}
