package alert

import (
	"iter"
	"strings"
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

// ocsfItem is one event of an alert.
func ocsfItem(x *Item, user ocsfUser) ocsfEvidence {
	e := ocsfEvidence{
		Actor: ocsfActor{user},
		API:   &ocsfAPI{x.Action, ocsfService{x.Source}},
		UID:   x.RecordID,
		Data: map[string]any{
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
			"app":        x.Client.App,
			"type":       x.Object.Type,
		},
	}
	for k, v := range e.Data {
		if v == "" || v == int64(0) || k == "recipients" && len(x.Recipients) == 0 {
			delete(e.Data, k)
		}
	}
	if x.Actor != "" {
		e.Actor.User = ocsfUser{Name: x.Actor, UID: x.Actor, TypeID: 0, Type: "Unknown"}
	}
	if o := &x.Object; o.Name != "" {
		e.File = &ocsfFile{Name: o.Name, Path: o.Container, TypeID: 99, UID: o.ID, Size: o.Size}
		switch o.Type {
		case "file", "object", "attachment":
			e.File.TypeID = 1
		case "folder":
			e.File.TypeID = 2
		}
		if o.URL != "" {
			e.File.URL = &ocsfURL{o.URL}
		}
		if o.Owner != "" {
			e.File.Owner = &ocsfUser{Name: o.Owner, UID: o.Owner, TypeID: 0, Type: "Unknown"}
		}
	}
	if c := &x.Client; c.IP != "" || c.Device != "" || c.Country != "" {
		e.SrcEndpoint = &ocsfEndpoint{IP: c.IP, Hostname: c.Device}
		if c.Country != "" {
			e.SrcEndpoint.Location = &ocsfLocation{c.Country}
		}
	}
	if x.Client.UserAgent != "" {
		e.HTTPRequest = &ocsfHTTP{x.Client.UserAgent}
	}
	return e
}

// Observables are those of the events, maxObservables of each type at most.
const maxObservables = 50

// observables are the values of an alert's events that other data may be searched for.
func observables(a *Alert) (list []ocsfObservable) {
	seen := map[ocsfObservable]bool{}
	n := map[int]int{}
	add := func(name string, id int, kind, value string) {
		o := ocsfObservable{name, id, kind, value}
		if value == "" || seen[o] || n[id] >= maxObservables {
			return
		}
		seen[o] = true
		n[id]++
		list = append(list, o)
	}
	for x := range a.eachItem() {
		add("evidences.src_endpoint.ip", 2, "IP Address", x.Client.IP)
		add("evidences.file.name", 7, "File Name", x.Object.Name)
		add("evidences.http_request.user_agent", 16, "HTTP User-Agent", x.Client.UserAgent)
		for _, r := range x.Recipients {
			if strings.Contains(strings.TrimPrefix(r, "@"), "@") {
				add("evidences.data", 5, "Email Address", r)
			}
		}
	}
	return list
}
