package alert

import (
	"iter"
	"net/netip"
	"path"
	"regexp"
	"strings"

	"github.com/outflow/outflow/internal/country"
)

// eachItem yields every item of the alert once, though several detectors may rest on it.
func (a *Alert) eachItem() iter.Seq[*Item] {
	return func(yield func(*Item) bool) {
		for _, own := range a.ownItems() {
			for _, x := range own {
				if !yield(x) {
					return
				}
			}
		}
	}
}

// ocsfEvidence is an Evidence Artifacts object: a detector's contribution, or one event that it rests on.
// https://schema.ocsf.io/1.8.0/objects/evidences
type ocsfEvidence struct {
	Name        string         `json:"name,omitempty"`
	Actor       ocsfActor      `json:"actor"`
	API         *ocsfAPI       `json:"api,omitempty"`
	Data        map[string]any `json:"data"`
	File        *ocsfFile      `json:"file,omitempty"`
	Resources   []ocsfResource `json:"resources,omitempty"`
	SrcEndpoint *ocsfEndpoint  `json:"src_endpoint,omitempty"`
	HTTPRequest *ocsfHTTP      `json:"http_request,omitempty"`
	UID         string         `json:"uid,omitempty"`
}

type ocsfActor struct {
	User ocsfUser `json:"user"`
	App  string   `json:"app_name,omitempty"`
}

type ocsfAPI struct {
	Operation string      `json:"operation"`
	Service   ocsfService `json:"service"`
}

type ocsfService struct {
	Name string `json:"name"`
}

type ocsfFile struct {
	Name   string    `json:"name"`
	Ext    string    `json:"ext,omitempty"`
	Folder string    `json:"parent_folder,omitempty"`
	TypeID int       `json:"type_id"`
	Type   string    `json:"type"`
	UID    string    `json:"uid,omitempty"`
	Size   int64     `json:"size,omitempty"`
	URL    *ocsfURL  `json:"url,omitempty"`
	Owner  *ocsfUser `json:"owner,omitempty"`
}

type ocsfURL struct {
	URL string `json:"url_string"`
}

type ocsfEndpoint struct {
	IP       string        `json:"ip,omitempty"`
	Name     string        `json:"name,omitempty"`
	Network  string        `json:"isp_org,omitempty"`
	Location *ocsfLocation `json:"location,omitempty"`
}

type ocsfLocation struct {
	Country string `json:"country"`
}

type ocsfHTTP struct {
	UserAgent string `json:"user_agent"`
}

// ocsfResource is a Resource Details object: what was touched, and whose account it was.
type ocsfResource struct {
	Type   string         `json:"type"`
	UID    string         `json:"uid,omitempty"`
	Name   string         `json:"name,omitempty"`
	RoleID int            `json:"role_id"`
	Role   string         `json:"role"`
	Owner  *ocsfUser      `json:"owner,omitempty"`
	Labels []string       `json:"labels,omitempty"`
	Data   map[string]any `json:"data,omitempty"`
}

// ocsfObservable is a value to search other data for.
// https://schema.ocsf.io/1.8.0/objects/observable
type ocsfObservable struct {
	Name   string `json:"name"` // the attribute that has the value
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// account returns the user of an alert.
func (a *Alert) account() ocsfUser {
	if a.Service {
		return newOCSFUser(a.User, 4, "Service")
	}
	return newOCSFUser(a.User, 1, "User")
}

// evidences returns the evidence with the user as actor. A finding about the health of the data
// has no actor, and so no evidences.
func evidences(a *Alert) (list []ocsfEvidence) {
	if a.Health {
		return nil
	}
	user := a.account()
	for i := range a.Evidence {
		e := &a.Evidence[i]
		list = append(list, ocsfEvidence{
			Name:  e.Title,
			Actor: ocsfActor{User: user},
			Data: filled(map[string]any{
				"detector":         e.Detector,
				"points":           e.Points,
				"reason":           e.Reason,
				"observed":         e.Observed,
				"expected":         e.Expected,
				"peers":            e.Peers,
				"unit":             e.Unit,
				"events":           e.Events,
				"items_not_listed": e.Unlisted,
				"destinations":     e.Destinations,
			}),
		})
	}
	for x := range a.eachItem() {
		list = append(list, ocsfItem(x, user))
	}
	return list
}

// filled leaves out what says nothing.
func filled(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(m, k)
			}
		case int64:
			if v == 0 {
				delete(m, k)
			}
		case []string:
			if len(v) == 0 {
				delete(m, k)
			}
		case []Destination:
			if len(v) == 0 {
				delete(m, k)
			}
		}
	}
	return m
}

// ocsfItem is one event of an alert.
func ocsfItem(x *Item, user ocsfUser) ocsfEvidence {
	e := ocsfEvidence{
		Actor: ocsfActor{user, x.Client.App},
		API:   &ocsfAPI{x.Action, ocsfService{x.Source}},
		UID:   x.RecordID,
		Data: filled(map[string]any{
			"time":       x.Time.UnixMilli(),
			"activity":   x.Activity,
			"outcome":    x.Outcome,
			"recipients": x.Recipients,
			"visibility": x.Visibility,
			"label":      x.Object.Label,
			"rows":       x.Rows,
			"bytes":      x.Bytes,
			"count":      x.Count,
			"detail":     x.Detail,
		}),
	}
	if x.Actor != "" {
		e.Actor.User = newOCSFUser(x.Actor, 0, "Unknown")
	}
	if e.File = newOCSFFile(&x.Object); e.File == nil {
		if r, ok := newOCSFResource(&x.Object); ok {
			e.Resources = []ocsfResource{r}
		}
	}
	c := &x.Client
	endpoint := ocsfEndpoint{Name: c.Device, Network: c.Network}
	if ip, err := netip.ParseAddr(c.IP); err == nil && ip.Zone() == "" {
		endpoint.IP = c.IP
	} else if c.IP != "" {
		e.Data["address"] = c.IP
	}
	if code := country.Code(c.Country); code != "" {
		endpoint.Location = &ocsfLocation{code}
	} else if c.Country != "" {
		e.Data["country"] = c.Country
	}
	switch {
	case endpoint.IP != "" || endpoint.Name != "":
		e.SrcEndpoint = &endpoint
	case endpoint.Location != nil: // which OCSF has of endpoints only
		e.Data["country"] = c.Country
	}
	if c.UserAgent != "" {
		e.HTTPRequest = &ocsfHTTP{c.UserAgent}
	}
	return e
}

// extension is what files of a kind end with.
var extensions = regexp.MustCompile(`^\.[A-Za-z0-9]{1,10}$`)

// newOCSFFile returns an object as a file or folder; nil if it is something else.
func newOCSFFile(o *Object) *ocsfFile {
	f := &ocsfFile{Name: o.Name, Folder: o.Container, TypeID: 1, Type: "Regular File", UID: o.ID, Size: o.Size}
	switch o.Type {
	case "file", "object", "attachment", "log_file":
		if ext := path.Ext(o.Name); extensions.MatchString(ext) {
			f.Ext = ext[1:]
		}
	case "folder":
		f.TypeID, f.Type = 2, "Folder"
	default:
		return nil
	}
	if f.Name == "" {
		return nil
	}
	if o.URL != "" {
		f.URL = &ocsfURL{o.URL}
	}
	f.Owner = owner(o)
	return f
}

// owner returns the owner of an object; nil if it is not known.
func owner(o *Object) *ocsfUser {
	if o.Owner == "" {
		return nil
	}
	u := newOCSFUser(o.Owner, 0, "Unknown")
	return &u
}

// newOCSFResource returns an object as a resource, and whether it has a name or an id.
func newOCSFResource(o *Object) (ocsfResource, bool) {
	r := ocsfResource{Type: o.Type, UID: o.ID, Name: o.Name, RoleID: 1, Role: "Target", Owner: owner(o)}
	if r.Type == "" {
		r.Type = "Other"
	}
	if o.Label != "" {
		r.Labels = []string{o.Label}
	}
	r.Data = filled(map[string]any{"container": o.Container, "size": o.Size, "url": o.URL})
	return r, o.ID != "" || o.Name != ""
}

// resources returns what the finding is about: the user and the objects, or the sources if it is about the data.
func resources(a *Alert) (list []ocsfResource) {
	if a.Health {
		for _, s := range a.Sources {
			list = append(list, ocsfResource{Type: "Data source", UID: s, Name: s, RoleID: 3, Role: "Affected"})
		}
		return list
	}
	list = append(list, ocsfResource{Type: "User", UID: a.User, Name: a.User, RoleID: 2, Role: "Actor"})
	seen := map[[3]string]bool{}
	for x := range a.eachItem() {
		key := [3]string{x.Object.Type, x.Object.ID, x.Object.Name}
		if r, ok := newOCSFResource(&x.Object); ok && !seen[key] && len(list) <= maxObservables {
			seen[key] = true
			list = append(list, r)
		}
	}
	return list
}

// Observables are those of the events, maxObservables of each type at most.
const maxObservables = 50

// observables are the values of a finding that other data may be searched for.
func observables(f *ocsfFinding) (list []ocsfObservable) {
	seen := map[ocsfObservable]bool{}
	n := map[int]int{}
	add := func(name string, id int, kind, value string) {
		o := ocsfObservable{name, id, kind, value}
		same := ocsfObservable{TypeID: id, Value: value}
		if value == "" || seen[same] || n[id] >= maxObservables {
			return
		}
		seen[same] = true
		n[id]++
		list = append(list, o)
	}
	for i := range f.Evidences {
		e := &f.Evidences[i]
		add("evidences[].actor.user.name", 4, "User Name", e.Actor.User.Name)
		add("evidences[].actor.user.email_addr", 5, "Email Address", e.Actor.User.Email)
		if e.SrcEndpoint != nil {
			add("evidences[].src_endpoint.ip", 2, "IP Address", e.SrcEndpoint.IP)
		}
		if e.File != nil {
			add("evidences[].file.name", 7, "File Name", e.File.Name)
			if e.File.URL != nil {
				add("evidences[].file.url.url_string", 6, "URL String", e.File.URL.URL)
			}
		}
		if e.HTTPRequest != nil {
			add("evidences[].http_request.user_agent", 16, "HTTP User-Agent", e.HTTPRequest.UserAgent)
		}
		recipients, _ := e.Data["recipients"].([]string)
		for _, r := range recipients {
			if strings.Contains(strings.TrimPrefix(r, "@"), "@") {
				add("evidences[].data.recipients", 5, "Email Address", r)
			}
		}
	}
	for i := range f.Resources {
		if r := &f.Resources[i]; r.Role == "Target" {
			add("resources[].uid", 10, "Resource UID", r.UID)
		}
	}
	return list
}
