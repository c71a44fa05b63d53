package cloudtrail

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// operationsText says what the calls of services that hold data mean.
//
//go:embed operations.txt
var operationsText string

// meaning is what calls mean.
type meaning struct {
	calls map[string]map[string]call // by service and name
	verbs map[string]bool            // with which calls begin that read or change settings
	whole map[string]bool            // services all of whose calls are listed, or begin with a verb
}

// meanings reads the tables once.
var meanings = sync.OnceValue(func() *meaning {
	m := &meaning{calls: map[string]map[string]call{}, verbs: map[string]bool{}, whole: map[string]bool{}}
	eachOperation(operationsText, func(service, class string, names []string) {
		if class == "verbs" {
			for _, verb := range names {
				m.verbs[verb] = true
			}
			return
		}
		m.whole[service] = true
		c := call{class: classNamed(class)}
		if c.class != event.Other {
			c.params = named
		}
		for _, name := range names {
			add(m.calls, service, name, c)
		}
	})
	addShares(m.calls)
	addExports(m.calls)
	for name, c := range calls {
		add(m.calls, strings.TrimSuffix(c.service, "."), name, c)
	}
	return m
})

// eachOperation reads lines of services, each followed by indented lines that begin with a class and
// go on in lines that are indented further.
func eachOperation(text string, visit func(service, class string, names []string)) {
	service, class := "", ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0][0] == '#':
			continue
		case line[0] != ' ' && words[0] != "verbs":
			service, class = words[0], ""
			continue
		case !strings.HasPrefix(line, "    "):
			class, words = words[0], words[1:]
		}
		visit(service, class, words)
	}
}

// classNamed returns the class of a name in the table: Other for configuration, whose records say
// whether they are a read or a change.
func classNamed(name string) event.Class {
	for c := event.Other; c.String() != "unknown"; c++ {
		if c.String() == name {
			return c
		}
	}
	return event.Other
}

func add(all map[string]map[string]call, service, name string, c call) {
	if all[service] == nil {
		all[service] = map[string]call{}
	}
	all[service][name] = c
}

// services are names under which the calls of another one are recorded.
var services = map[string]string{
	"s3express": "s3", "s3-outposts": "s3", "s3-object-lambda": "s3", "s3-control": "s3", "docdb": "rds", "neptune": "rds",
	"opensearch": "es", "backup-storage": "backup", "memory-db": "memorydb",
}

// serviceOf returns the service of an event source.
func serviceOf(source string) string {
	service, _, _ := strings.Cut(source, ".")
	if len(service) > 3 { // s3, ec2, sts, kms and iam are what they are
		if other := services[service]; other != "" {
			return other
		}
	}
	return service
}

// operation returns what a call means, and whether that is known. A call of the class Other reads or
// changes settings.
func (r *record) operation() (call, bool) {
	if !r.looked && r.name != "" && r.source != "" {
		r.what, r.known = r.lookUp()
		r.looked = true
	}
	return r.what, r.known
}

func (r *record) lookUp() (call, bool) {
	name := r.name
	if n := len(name); n > 0 && name[n-1] >= '0' && name[n-1] <= '9' {
		name = unversioned(name)
	}
	m, service := meanings(), serviceOf(r.source)
	c, known := m.calls[service][name]
	switch {
	case known:
		return c, true
	case setsPolicy(name):
		c.params = anyPolicy
	case exportsSomething(name):
		c.params = anyExport
	}
	return c, !m.whole[service] || r.kind != "" && r.kind != "AwsApiCall" || m.verbs[verbOf(name)]
}

// verbOf returns the first word of a name.
func verbOf(name string) string {
	for i, c := range name {
		if i > 0 && !unicode.IsLower(c) {
			return name[:i]
		}
	}
	return name
}

// unversioned returns a name without the version of the API behind it: ListFunctions20150331,
// AddPermission20150331v2, CreateDistribution2020_05_31.
func unversioned(name string) string {
	end := len(name)
	if end > 2 && name[end-2] == 'v' {
		end -= 2
	}
	digits := 0
	for end > 0 && (name[end-1] >= '0' && name[end-1] <= '9' || name[end-1] == '_') {
		if end--; name[end] != '_' {
			digits++
		}
	}
	if digits != 8 {
		return name
	}
	return name[:end]
}

// named names what a call is about by the call itself, DeleteFileSystem, and by the first of its
// parameters that names something.
func named(r *record, e *event.Event, out *ingest.Sink) {
	if e.Object.Type != "" { // a bucket, or an object in one
		return
	}
	name := ""
	fields(r.params, func(k, v string) {
		k = strings.ToLower(k)
		if name == "" && (strings.HasSuffix(k, "name") || strings.HasSuffix(k, "id") || strings.HasSuffix(k, "identifier") ||
			strings.HasSuffix(k, "arn") || strings.HasSuffix(k, "url")) && !strings.HasSuffix(k, "accountid") {
			name = short(v)
		}
	})
	kind := kindOf(r.name)
	target(e, out, kind, strings.TrimPrefix(name, kind+"/"))
}

// kindOf returns what the name of a call is about, in words: "file system" of DeleteFileSystem.
func kindOf(name string) string {
	name = unversioned(name)
	var words []byte
	for i, c := range []byte(name[len(verbOf(name)):]) {
		if c >= 'A' && c <= 'Z' {
			if i > 0 && words[len(words)-1] != ' ' && !(name[len(verbOf(name))+i-1] >= 'A' && name[len(verbOf(name))+i-1] <= 'Z') {
				words = append(words, ' ')
			}
			c |= 0x20
		}
		words = append(words, c)
	}
	return string(words)
}

// omitted reports whether CloudTrail left out parameters because they are too large: what is left says
// nothing about the rest.
func omitted(params []byte) bool {
	return bytes.Contains(params, []byte(`"omitted"`)) && strings.EqualFold(valueOf(document(params, "omitted")), "true")
}
