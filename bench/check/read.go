package main

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

type record struct {
	source, id string
	ops        []string // operations; a Google record may hold several
	text       string
}

// walk calls visit for every record of an export, and mangled for every truncated one.
func walk(root string, visit func(record), mangled func()) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		source := strings.Split(rel, string(filepath.Separator))[0]
		b, err := os.ReadFile(path)
		switch {
		case err != nil || source == "hr" || !strings.Contains(rel, string(filepath.Separator)):
			return err
		case strings.HasSuffix(path, ".gz"):
			err = trail(b, visit)
		case !utf8.Valid(b):
			err = fmt.Errorf("not UTF-8")
		case strings.HasSuffix(path, ".csv"):
			err = table(b, source, visit, mangled)
		default:
			lines(b, source, visit, mangled)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

func trail(b []byte, visit func(record)) error {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	if b, err = io.ReadAll(z); err != nil {
		return err
	}
	var doc struct{ Records []json.RawMessage }
	if err = json.Unmarshal(b, &doc); err != nil {
		return err
	}
	for _, raw := range doc.Records {
		var r struct{ EventID, EventName string }
		if err = json.Unmarshal(raw, &r); err != nil {
			return err
		}
		visit(record{"cloudtrail", r.EventID, []string{r.EventName}, string(raw)})
	}
	return nil
}

func table(b []byte, source string, visit func(record), mangled func()) error {
	cr := csv.NewReader(bytes.NewReader(b))
	cr.FieldsPerRecord, cr.LazyQuotes = -1, true
	rows, err := cr.ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows[1:] {
		if len(row) != len(rows[0]) {
			mangled()
			continue
		}
		visit(record{source, row[2], []string{row[0]}, strings.Join(row, ",")})
	}
	return nil
}

func lines(b []byte, source string, visit func(record), mangled func()) {
	for _, line := range bytes.Split(b, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var m object
		if json.Unmarshal(line, &m) != nil {
			mangled()
			continue
		}
		r := record{source: source, text: string(line)}
		r.id, r.ops = identify(source, m)
		visit(r)
	}
}

type object map[string]any

func (m object) text(k string) string { s, _ := m[k].(string); return s }
func (m object) in(k string) object   { o, _ := m[k].(map[string]any); return o }
func (m object) all(k string) (out []object) {
	list, _ := m[k].([]any)
	for _, x := range list {
		if o, ok := x.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// identify returns a record's identifier, in the form the labels use, and its operations.
func identify(source string, m object) (id string, ops []string) {
	switch source {
	case "m365":
		return m.text("Id"), []string{m.text("Operation")}
	case "google_workspace":
		for _, e := range m.all("events") {
			ops = append(ops, e.text("name"))
		}
		return m.in("id").text("uniqueQualifier"), ops
	case "box":
		return m.text("event_id"), []string{m.text("event_type")}
	case "okta":
		return m.text("uuid"), []string{m.text("eventType")}
	case "slack":
		return m.text("id"), []string{m.text("action")}
	case "github":
		return m.text("_document_id"), []string{m.text("action")}
	case "salesforce": // SetupAuditTrail
		return m.text("Id"), []string{m.text("Action")}
	case "snowflake":
		if id = m.text("QUERY_ID"); id == "" {
			return m.text("EVENT_ID"), []string{"LOGIN"}
		}
		return id, []string{m.text("QUERY_TYPE")}
	case "dropbox": // no identifiers: a label names the time and the file
		id = "-"
		for _, a := range m.all("assets") {
			if f := a.text("file_id"); f != "" {
				id = f
			}
		}
		return m.text("timestamp") + "/" + id, []string{m.in("event_type").text(".tag")}
	}
	return "", nil
}
