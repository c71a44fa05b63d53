package setup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/outflow/outflow/internal/plain"
)

// Asker asks a person at a terminal.
type Asker struct {
	In  *bufio.Reader
	Out io.Writer
	// Try returns what is wrong with a source or a channel that was asked for.
	Try func(x *Item) error
}

// errEnded is returned when there are no more answers.
var errEnded = errors.New("no more answers: nothing was written")

// line asks a question, and returns the answer; otherwise if it is empty.
func (a *Asker) line(question, otherwise string) (string, error) {
	if otherwise != "" {
		question += " [" + otherwise + "]"
	}
	fmt.Fprintf(a.Out, "%s: ", plain.Escape(question))
	got, err := a.In.ReadString('\n')
	if err != nil && got == "" {
		fmt.Fprintln(a.Out)
		return "", errEnded
	}
	if got = strings.TrimSpace(got); got == "" {
		return otherwise, nil
	}
	return got, nil
}

// Yes asks a question that is answered by yes or no.
func (a *Asker) Yes(question string, otherwise bool) (bool, error) {
	for {
		got, err := a.line(question+" (y/n)", map[bool]string{true: "y", false: "n"}[otherwise])
		if err != nil {
			return false, err
		}
		switch strings.ToLower(got) {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}

// All asks for everything.
func (a *Asker) All(sources, channels []Kind, into *Answers) error {
	for _, list := range []struct {
		question, otherwise string
		kinds               []Kind
	}{
		{"Where do events come from?", "files", sources},
		{"Who is told?", "file", channels},
	} {
		chosen, err := a.choose(list.question, list.otherwise, list.kinds)
		if err != nil {
			return err
		}
		for _, k := range chosen {
			x, err := a.Item(k)
			if err != nil {
				return err
			}
			into.Add(x)
		}
	}
	var err error
	if into.Feed, err = a.line("Address of the page, - for none", into.Feed); err != nil {
		return err
	}
	if into.Feed == "-" {
		into.Feed = ""
	}
	into.DataDir, err = a.line("Folder of what Outflow stores", into.DataDir)
	return err
}

// choose asks for some kinds, by name or number.
func (a *Asker) choose(question, otherwise string, kinds []Kind) (chosen []*Kind, err error) {
	fmt.Fprintln(a.Out, question)
	for i, k := range kinds {
		fmt.Fprintf(a.Out, "  %2d  %-18s%s\n", i+1, k.Name, k.Page)
	}
	for len(chosen) == 0 {
		got, err := a.line("Names or numbers, with blanks between them", otherwise)
		if err != nil {
			return nil, err
		}
		for _, word := range strings.FieldsFunc(got, func(c rune) bool { return c == ' ' || c == ',' }) {
			n, _ := strconv.Atoi(word)
			i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == word })
			if i < 0 && n >= 1 && n <= len(kinds) {
				i = n - 1
			}
			if i < 0 {
				fmt.Fprintf(a.Out, "There is no %q.\n", word)
				chosen = nil
				break
			}
			chosen = append(chosen, &kinds[i])
		}
	}
	return chosen, nil
}

// Item asks for the settings of a source or a channel until they can be used.
func (a *Asker) Item(k *Kind) (x Item, err error) {
	fmt.Fprintf(a.Out, "\n%s: %s says how to set it up.\n", k.Name, k.Page)
	fmt.Fprintln(a.Out, "An empty answer takes what is in brackets, or leaves the setting out; - leaves it out.")
	before := map[string]string{}
	name := k.Name
	for {
		if name, err = a.line("name", name); err != nil {
			return x, err
		}
		x = Item{Kind: k, Set: yaml.MapSlice{{Key: "name", Value: name}, {Key: "kind", Value: k.Name}}}
		if err := a.settings(&x, false, before); err != nil {
			return x, err
		}
		further, err := a.Yes("Further settings?", false)
		if err == nil && further {
			err = a.settings(&x, true, before)
		}
		if err != nil {
			return x, err
		}
		err = a.Try(&x)
		if err == nil {
			return x, nil
		}
		fmt.Fprintf(a.Out, "That cannot be: %s. Once more:\n", plain.Escape(err.Error()))
	}
}

// settings asks for the further settings, or for the others.
func (a *Asker) settings(x *Item, further bool, before map[string]string) error {
	for i := range x.Kind.Fields {
		if f := &x.Kind.Fields[i]; f.Further() == further {
			if err := a.setting(x, f, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// setting asks for one setting, until the answer is of its type. before are the answers of the last time.
func (a *Asker) setting(x *Item, f *Field, before map[string]string) error {
	question := "  " + f.Key
	if text := f.meaning(); text != "" && text != "required" {
		question += " (" + text + ")"
	}
	if f.Required {
		question += ", required"
	}
	otherwise := before[f.Key]
	switch {
	case f.Type == "secret":
		question += ": env:NAME, file:PATH or exec:COMMAND, not the secret itself"
		if otherwise == "" && f.Required {
			otherwise = "env:" + variable(x.Name(), f.Key)
		}
	case f.Type == "boolean":
		question += " (y/n)"
	case f.Type == "list":
		question += ", with commas between them"
	case f.Type == "map":
		question += ", as a=b, c=d"
	case f.Values != nil:
		question += ": " + strings.Join(f.Values, ", ")
	}
	if f.Default != "" && otherwise == "" {
		question += fmt.Sprintf(" (%s if left out)", f.Default)
	}
	for {
		got, err := a.line(question, otherwise)
		if err != nil {
			return err
		}
		if got == "" && f.Required {
			fmt.Fprintln(a.Out, "  It is required.")
			continue
		}
		if got == "" || got == "-" {
			return nil
		}
		v, err := f.parse(got)
		if err != nil {
			fmt.Fprintf(a.Out, "  %s\n", plain.Escape(err.Error()))
			continue
		}
		before[f.Key] = got
		x.set(f.Key, v)
		return nil
	}
}

var notInNames = regexp.MustCompile(`[^A-Z0-9]+`)

// variable is a name for the environment variable of a secret.
func variable(name, key string) string {
	return notInNames.ReplaceAllString(strings.ToUpper(name+"_"+key), "_")
}

// parse is the value of an answer.
func (f *Field) parse(got string) (any, error) {
	switch f.Type {
	case "secret":
		if !reference.MatchString(got) {
			return nil, errors.New("give a reference to the secret, not the secret: it would stay in the file")
		}
	case "number":
		n, err := strconv.ParseFloat(got, 64)
		if err != nil {
			return nil, errors.New("a number is required")
		}
		return n, nil
	case "boolean":
		switch strings.ToLower(got) {
		case "y", "yes", "true":
			return true, nil
		case "n", "no", "false":
			return false, nil
		}
		return nil, errors.New("true or false is required")
	case "list":
		return words(got), nil
	case "map":
		var m yaml.MapSlice
		for _, pair := range words(got) {
			key, v, ok := strings.Cut(pair, "=")
			if !ok {
				return nil, fmt.Errorf("%q is not of the form a=b", pair)
			}
			m = append(m, yaml.MapItem{Key: strings.TrimSpace(key), Value: strings.TrimSpace(v)})
		}
		return m, nil
	}
	if f.Values != nil && !slices.Contains(f.Values, got) {
		return nil, fmt.Errorf("one of %s", strings.Join(f.Values, ", "))
	}
	return got, nil
}

// words are the parts of an answer, which commas separate.
func words(got string) (list []string) {
	for part := range strings.SplitSeq(got, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// set sets a key, which may have a dot.
func (x *Item) set(key string, v any) { x.Set = put(x.Set, key, v) }

func put(m yaml.MapSlice, key string, v any) yaml.MapSlice {
	first, rest, nested := strings.Cut(key, ".")
	i := slices.IndexFunc(m, func(p yaml.MapItem) bool { return p.Key == first })
	if i < 0 {
		i, m = len(m), append(m, yaml.MapItem{Key: first})
	}
	if nested {
		inner, _ := m[i].Value.(yaml.MapSlice)
		v = put(inner, rest, v)
	}
	m[i].Value = v
	return m
}
