package ingest

import (
	"fmt"
	"strings"
)

// Cut reports whether a text stands for a value that a tool with limited depth left out:
// "System.Object[]", "System.Collections.Hashtable" and "@{name=…}" of PowerShell, "[Object]" and
// "[object Object]" of JavaScript, "{...}" and "..." of others.
func Cut(t string) bool {
	if t == "" {
		return false
	}
	switch t[0] {
	case 'S':
		return strings.HasPrefix(t, "System.") && (strings.HasSuffix(t, "[]") || strings.HasPrefix(t, "System.Collections.") ||
			strings.HasPrefix(t, "System.Object") || strings.HasPrefix(t, "System.Management.Automation.") ||
			strings.HasPrefix(t, "System.Xml."))
	case '@':
		return strings.HasPrefix(t, "@{")
	case '[', '{', '.', '(', '<':
		return cutMarks[t]
	}
	return t == "…"
}

var cutMarks = map[string]bool{
	"[Object]": true, "[Array]": true, "[object Object]": true, "[Circular]": true, "[Circular *1]": true, "[...]": true, "[…]": true,
	"{...}": true, "{…}": true, "...": true, "(...)": true, "<truncated>": true, "[truncated]": true,
}

// CutError returns the error for a record of which a tool left out a part that matters.
func CutError(field, mark string) error {
	if len(mark) > 40 {
		mark = mark[:40] + "…"
	}
	return fmt.Errorf("%s is cut off: a tool with limited depth wrote %q in its place", field, mark)
}
