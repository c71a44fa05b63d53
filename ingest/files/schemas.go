package files

import (
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/plain"
)

// schema is a table in which a system keeps the records of one vendor, a column for each field.
type schema struct {
	name    string            // as in docs/sources.md
	columns []string          // columns, folded, that such a table has; a bar stands between those of which one is enough
	first   bool              // goes before the tables of vendors
	fields  map[string]string // by folded column: where its value is in the record
	other   func(column string) string
}

// schemas are the tables that are known by their columns. A field that begins with @ is a time.
var schemas = []*schema{{
	name:    "Sentinel AWSCloudTrail",
	columns: []string{"timegenerated|timegeneratedutc", "eventname", "eventsource", "eventtypename", "useridentitytype"},
	fields: map[string]string{
		"timegenerated":                  "@eventTime",
		"timegeneratedutc":               "@eventTime",
		"awseventid":                     "eventID",
		"awsrequestid":                   "requestID",
		"eventversion":                   "eventVersion",
		"eventtypename":                  "eventType",
		"eventsource":                    "eventSource",
		"eventname":                      "eventName",
		"awsregion":                      "awsRegion",
		"sourceipaddress":                "sourceIPAddress",
		"useragent":                      "userAgent",
		"errorcode":                      "errorCode",
		"errormessage":                   "errorMessage",
		"requestparameters":              "requestParameters",
		"responseelements":               "responseElements",
		"additionaleventdata":            "additionalEventData",
		"serviceeventdetails":            "serviceEventDetails",
		"resources":                      "resources",
		"readonly":                       "readOnly",
		"managementevent":                "managementEvent",
		"category":                       "eventCategory",
		"recipientaccountid":             "recipientAccountId",
		"sharedeventid":                  "sharedEventID",
		"vpcendpointid":                  "vpcEndpointId",
		"apiversion":                     "apiVersion",
		"useridentitytype":               "userIdentity.type",
		"useridentityprincipalid":        "userIdentity.principalId",
		"useridentityarn":                "userIdentity.arn",
		"useridentityaccountid":          "userIdentity.accountId",
		"useridentityinvokedby":          "userIdentity.invokedBy",
		"useridentityaccesskeyid":        "userIdentity.accessKeyId",
		"useridentityusername":           "userIdentity.userName",
		"sessionmfaauthenticated":        "userIdentity.sessionContext.attributes.mfaAuthenticated",
		"sessioncreationdate":            "userIdentity.sessionContext.attributes.creationDate",
		"sessionissuertype":              "userIdentity.sessionContext.sessionIssuer.type",
		"sessionissuerprincipalid":       "userIdentity.sessionContext.sessionIssuer.principalId",
		"sessionissuerarn":               "userIdentity.sessionContext.sessionIssuer.arn",
		"sessionissueraccountid":         "userIdentity.sessionContext.sessionIssuer.accountId",
		"sessionissuerusername":          "userIdentity.sessionContext.sessionIssuer.userName",
		"clientprovidedhostheader":       "tlsDetails.clientProvidedHostHeader",
		"ec2roledelivery":                "userIdentity.sessionContext.ec2RoleDelivery",
		"useridentityidentityproviderid": "userIdentity.identityProvider",
	},
}, {
	name:    "Sentinel OfficeActivity",
	columns: []string{"timegenerated|timegeneratedutc", "officeworkload", "operation"},
	fields: map[string]string{
		"timegenerated":    "@CreationTime",
		"timegeneratedutc": "@CreationTime",
		"officeid":         "Id",
		"officeworkload":   "Workload",
		"officeobjectid":   "ObjectId",
		"officetenantid":   "",
		"tenantid":         "", // of the workspace
		"sourcesystem":     "",
		"resourceid":       "",
		"type":             "",
		"site":             "Site",
		"siteurl":          "SiteUrl",
		"sourcename":       "SourceName",
		"logontype":        "LogonType",
		"clientipaddress":  "ClientIPAddress",
		"eventdata":        "EventData",
		"itemname":         "ItemName",
		"recordtype":       "RecordType",
	},
	other: strings.TrimSpace,
}, {
	name:    athena,
	columns: []string{"eventname", "eventsource", "eventtime", "useridentity"},
	first:   true,
	other:   func(column string) string { return trailNames[plain.Column(column)] },
}}

// athena is the name of a table whose columns, and the fields of structures in them, are in lower case.
const athena = "Athena or CloudTrail Lake"

// joinedKeys is the name of a record whose levels a tool has joined to one.
const joinedKeys = "flattened record"

// flatSchemas are shapes of columns that are tried one after another, until the record is one of a
// known kind: columns named like paths, as tools join them, and those of custom tables of
// Azure Monitor, whose names have underscores for levels and end in their type.
var flatSchemas = []*schema{
	{name: joinedKeys, other: strings.TrimSpace},
	{name: "Azure Monitor custom table"},
}

// matches reports whether a header is that of the table.
func (s *schema) matches(h ingest.Header) bool {
	for _, alternatives := range s.columns {
		if !slices.ContainsFunc(strings.Split(alternatives, "|"), func(c string) bool { return h.Index(c) >= 0 }) {
			return false
		}
	}
	return true
}

// shape returns how the cells of columns become a record.
func (s *schema) shape(header []string) *shape {
	root := &shape{cell: -1}
	custom := s.fields == nil && s.other == nil
	some := false
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		folded := plain.Column(name)
		path, known := s.fields[folded]
		switch {
		case custom:
			for _, p := range customPaths(name) {
				root.insert(strings.Split(p, "\x00"), i)
				some = true
			}
			continue
		case !known && s.other != nil:
			path = s.other(name)
		}
		if path == "" {
			continue
		}
		some = true
		root.insert(splitPath(path), i)
	}
	if !some {
		return nil
	}
	return root
}

// splitPath splits a name such as a.b[0].c, a.b.0.c or a.b{}.c into its keys. A number is a
// position in a list.
func splitPath(name string) []string {
	path := strings.NewReplacer("{}.", ".0.", "[", ".", "]", "").Replace(name)
	path = strings.TrimSuffix(path, "{}")
	if path == "" || path[0] == '.' || path[len(path)-1] == '.' {
		return []string{name}
	}
	return strings.Split(path, ".")
}

// customPaths returns where the value of a column of a custom table may belong: each underscore
// may be part of a name or stand between levels. It returns none if the column has no type.
func customPaths(column string) (paths []string) {
	column = strings.TrimSuffix(column, " [UTC]")
	at := len(column) - 2
	if at < 1 || column[at] != '_' || !strings.Contains("sdbtg", column[at+1:]) {
		return nil
	}
	time := ""
	if column[at+1] == 't' {
		time = "@"
	}
	column = column[:at]
	parts := strings.Split(strings.TrimLeft(column, "_"), "_")
	lead := column[:len(column)-len(strings.TrimLeft(column, "_"))]
	if len(parts) > 5 {
		return []string{time + column}
	}
	for ways := range 1 << (len(parts) - 1) {
		var b strings.Builder
		b.WriteString(time + lead + parts[0])
		for i, p := range parts[1:] {
			if ways>>i&1 == 0 {
				b.WriteByte('_')
			} else {
				b.WriteByte(0)
			}
			b.WriteString(p)
		}
		paths = append(paths, b.String())
	}
	return paths
}

// shape is an object, a list or a value of a record that is made from the cells of a row.
type shape struct {
	key  string
	cell int // whose value it is; -1 for none
	time bool
	kids []*shape
}

// insert adds the value of a column at a path.
func (s *shape) insert(path []string, column int) {
	time := strings.HasPrefix(path[0], "@") && len(path[0]) > 1 && path[0] != "@timestamp" && !strings.HasPrefix(path[0], "@odata")
	if time {
		path = append([]string{path[0][1:]}, path[1:]...)
	}
	for _, key := range path {
		at := slices.IndexFunc(s.kids, func(k *shape) bool { return k.key == key })
		if at < 0 {
			at = len(s.kids)
			s.kids = append(s.kids, &shape{key: key, cell: -1})
		}
		s = s.kids[at]
	}
	if s.cell < 0 {
		s.cell, s.time = column, time
	}
}

// keys returns the keys of the record.
func (s *shape) keys() (keys ingest.Keys) {
	for _, k := range s.kids {
		keys = append(keys, k.key)
	}
	return keys
}

// isList reports whether the keys are positions in a list.
func (s *shape) isList() bool {
	for _, k := range s.kids {
		if strings.Trim(k.key, "0123456789") != "" || k.key == "" {
			return false
		}
	}
	return len(s.kids) > 0
}

// append appends the record of a row. Empty cells have no key.
func (s *shape) append(b []byte, cells []cell) []byte {
	b, _ = s.write(b, cells)
	return b
}

// write appends a value, and reports whether there is any.
func (s *shape) write(b []byte, cells []cell) ([]byte, bool) {
	if s.cell >= 0 && s.cell < len(cells) && !cells[s.cell].empty() {
		return s.value(b, cells[s.cell]), true
	}
	if len(s.kids) == 0 {
		return b, false
	}
	list := s.isList()
	from := len(b)
	b = append(b, '{')
	if list {
		b[from] = '['
	}
	some := false
	for _, k := range s.kids {
		before := len(b)
		if some {
			b = append(b, ',')
		}
		if !list {
			b = append(appendQuoted(b, []byte(k.key)), ':')
		}
		var any bool
		if b, any = k.write(b, cells); !any {
			b = b[:before]
			continue
		}
		some = true
	}
	if !some && s.key != "" {
		return b[:from], false
	}
	if list {
		return append(b, ']'), true
	}
	return append(b, '}'), true
}
