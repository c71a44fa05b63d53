package plain

import "strings"

// Unit returns the unit of an amount, of which the plural is given: for exactly 1 the first noun is in the
// singular. "files", "sensitive items", "copies to the clipboard".
func Unit(n float64, plural string) string {
	if n != 1 || strings.HasPrefix(plural, "%") {
		return plural
	}
	words := strings.Split(plural, " ")
	for i, w := range words {
		if one := singular(w); one != w {
			words[i] = one
			break
		}
	}
	return strings.Join(words, " ")
}

func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ies"):
		return strings.TrimSuffix(word, "ies") + "y"
	case strings.HasSuffix(word, "ches"), strings.HasSuffix(word, "shes"):
		return strings.TrimSuffix(word, "es")
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss"):
		return strings.TrimSuffix(word, "s")
	}
	return word
}
