package m365

import (
	"cmp"
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// resource is something that an assistant opened to answer.
type resource struct{ id, name, kind, site, label, action, status string }

// copilot is an answer of an assistant: one event, and one more for each thing that was opened
// for it.
func copilot(r *record, e *event.Event, out *ingest.Sink) {
	var list []resource
	app := r.appName
	each(r.copilot, func(s *jsonscan.Scanner) {
		for s.Next() {
			switch string(s.Key) {
			case "AccessedResources":
				each(s.Raw(), func(s *jsonscan.Scanner) { list = append(list, accessed(s, out)) })
			case "AppHost", "AgentName":
				if host := s.Text(); app == "" {
					app = out.Copy(host)
				}
			default:
				s.Skip()
			}
		}
	})
	if r.appName == "" {
		out.Attr(event.AttrAppName, app)
	}
	e.Object = event.Object{Type: "conversation"}
	if len(list) == 0 {
		return
	}

	whole := *e
	attrs := slices.Clone(e.Attrs)
	out.Emit()
	for i := range list {
		next := out.New(event.M365)
		*next = whole
		next.To, next.Attrs = nil, slices.Clone(attrs)
		list[i].set(next)
		next.Key = ingest.Hash("m365", r.id, r.time, r.userID, list[i].id, list[i].site, list[i].name)
		if i < len(list)-1 {
			out.Emit()
		}
	}
}

func accessed(s *jsonscan.Scanner, out *ingest.Sink) (a resource) {
	for s.Next() {
		switch string(s.Key) {
		case "ID", "Id", "ListItemUniqueId":
			a.id = cmp.Or(out.Copy(s.Text()), a.id)
		case "Name":
			a.name = out.Copy(s.Text())
		case "Type":
			a.kind = out.Copy(s.Text())
		case "SiteUrl":
			a.site = out.Copy(s.Text())
		case "SensitivityLabelId":
			a.label = out.Copy(s.Text())
		case "Action":
			a.action = out.Copy(s.Text())
		case "Status":
			a.status = out.Copy(s.Text())
		default:
			s.Skip()
		}
	}
	return a
}

// set makes the resource the object of an event.
func (a *resource) set(e *event.Event) {
	kind := strings.ToLower(a.kind)
	o := event.Object{ID: cmp.Or(a.id, a.site), Name: cmp.Or(a.name, a.site), Label: a.label, Type: "file", Container: siteOf(a.site)}
	switch {
	case strings.Contains(kind, "mail"):
		o.Type = "mail"
	case strings.Contains(kind, "message") || strings.Contains(kind, "chat") || strings.Contains(kind, "channel"):
		o.Type = "message"
	case strings.Contains(kind, "meeting") || strings.Contains(kind, "event") || strings.Contains(kind, "calendar"):
		o.Type = "meeting"
	case strings.Contains(kind, "web") || strings.Contains(kind, "hyperlink") || strings.Contains(kind, "http"):
		o.Type = "website"
	case o.Container == "" && strings.HasPrefix(a.site, "http") && !strings.Contains(a.site, ".sharepoint."):
		o.Type = "website"
	}
	e.Object = o
	if strings.EqualFold(a.status, "failure") || strings.EqualFold(a.status, "failed") {
		e.Outcome = event.Failure
	}
	if action := strings.ToLower(a.action); strings.HasPrefix(action, "creat") || strings.HasPrefix(action, "writ") ||
		strings.HasPrefix(action, "modif") || strings.HasPrefix(action, "updat") {
		e.Class = event.Edit
	}
}

// siteOf is the site or drive in the address of a file of SharePoint; "" if there is none.
func siteOf(url string) string {
	for _, kind := range []string{"/sites/", "/teams/", "/personal/"} {
		if i := strings.Index(url, kind); i >= 0 {
			name := i + len(kind)
			if j := strings.IndexByte(url[name:], '/'); j >= 0 {
				return url[:name+j]
			}
			return url
		}
	}
	return ""
}
