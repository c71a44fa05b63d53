package cloudtrail

import (
	"bytes"
	"strings"
)

// meanings has the calls by service and name.
var meanings = func() map[string]map[string]call {
	all := map[string]map[string]call{}
	addShares(all)
	addExports(all)
	for name, c := range calls {
		add(all, strings.TrimSuffix(c.service, "."), name, c)
	}
	return all
}()

func add(all map[string]map[string]call, service, name string, c call) {
	if all[service] == nil {
		all[service] = map[string]call{}
	}
	all[service][name] = c
}

// services are names under which the calls of another one are recorded.
var services = map[string]string{
	"s3express": "s3", "s3-outposts": "s3", "s3-object-lambda": "s3", "s3-control": "s3", "docdb": "rds", "neptune": "rds",
	"opensearch": "es", "efs": "elasticfilesystem", "backup-storage": "backup",
}

// serviceOf returns the service of an event source.
func serviceOf(source string) string {
	service, _, _ := strings.Cut(source, ".")
	if other := services[service]; other != "" {
		return other
	}
	return service
}

// operation returns what a call means, and whether that is known.
func (r *record) operation() (call, bool) {
	name := r.name
	if n := len(name); n > 0 && name[n-1] >= '0' && name[n-1] <= '9' {
		name = unversioned(name)
	}
	c, known := meanings[serviceOf(r.source)][name]
	switch {
	case known:
	case setsPolicy(name):
		c.params = anyPolicy
	case exportsSomething(name):
		c.params = anyExport
	}
	return c, known
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

// omitted reports whether CloudTrail left out parameters because they are too large: what is left says
// nothing about the rest.
func omitted(params []byte) bool {
	return bytes.Contains(params, []byte(`"omitted"`)) && strings.EqualFold(valueOf(document(params, "omitted")), "true")
}
