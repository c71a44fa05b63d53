package alert

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/mileusna/useragent"

	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/geoip"
)

// maxAlertItems is the most items of an alert: those of the evidence that contributes most come first.
const (
	maxAlertItems = 2 * MaxItems
	maxItemBytes  = 200_000 // of their records: an alert fits into a record of Kafka, which has a megabyte by default
)

// addItems adds the events of a finding to evidence, most of them at most, and no more bytes of them than there is
// room for. A record that cannot be read is
// one of those that are not listed.
func (x *Evidence) addItems(f *finding.Finding, most int, room *int) {
	var dec event.Decoder
	var ev event.Event
	for i := range f.Items[:min(len(f.Items), most)] {
		if *room -= len(f.Items[i].Record); *room < 0 {
			break
		}
		if dec.Decode(f.Items[i].Record, &ev) == nil {
			x.Items = append(x.Items, NewItem(ev.Clone(), f.Person, f.Items[i].First))
		}
	}
	slices.SortStableFunc(x.Items, func(a, b Item) int { return a.Time.Compare(b.Time) })
	x.Unlisted = max(f.Events-len(x.Items), 0)
	for _, d := range f.Destinations {
		x.Destinations = append(x.Destinations, Destination(d))
	}
}

// NewItem returns an event as readers of an alert about a person see it. First says whether the person had not
// touched the object before that day.
func NewItem(e *event.Event, person string, first bool) Item {
	i := Item{
		Time:     at(e.Time),
		Source:   e.Source.String(),
		Activity: e.Class.String(),
		Action:   e.Action,
		Object: Object{
			ID:        e.Object.ID,
			Type:      e.Object.Type,
			Name:      e.Object.Name,
			Container: e.Object.Container,
			Owner:     e.Object.Owner,
			Label:     e.Object.Label,
			Size:      e.Object.Size,
			URL:       consoleURL(e),
		},
		Visibility: e.After.String(),
		Rows:       e.Rows,
		Bytes:      e.Bytes,
		Detail:     detail(e),
		Client: Client{
			IP:        e.Client.IP,
			Country:   e.Client.Country,
			Device:    e.Client.Device,
			App:       cmp.Or(e.Attr(event.AttrAppName), e.Client.App),
			UserAgent: e.Client.Agent,
			Agent:     agentName(e.Client.Agent),
		},
		RecordID: e.ID,
		First:    first,
	}
	if e.Items > 1 {
		i.Count = e.Items
	}
	switch e.Outcome {
	case event.Failure:
		i.Outcome = "failure"
	case event.Denied:
		i.Outcome = "denied"
	}
	switch {
	case e.Actor.Kind == event.Anonymous && e.Actor.Account == "":
		i.Actor = event.Anonymous.String()
	case !strings.EqualFold(e.Actor.Account, person):
		i.Actor = e.Actor.Account
	}
	for _, r := range e.To {
		if !slices.Contains(i.Recipients, r.Account) {
			i.Recipients = append(i.Recipients, r.Account)
		}
	}
	return i
}

// locate adds where the addresses of items are, as far as their logs do not say it.
func (a *Alert) locate(places *geoip.Database) {
	if places == nil {
		return
	}
	for i := range a.Evidence {
		for k := range a.Evidence[i].Items {
			c := &a.Evidence[i].Items[k].Client
			p := places.Look(c.IP)
			c.Country, c.Network = cmp.Or(c.Country, p.Country), p.Network
		}
	}
}

// details are the attributes that an item states, and the words before each.
var details = [...]struct{ attr, words string }{
	{event.AttrRole, "role"},
	{event.AttrScopes, "scopes"},
	{event.AttrGrant, "grants"},
	{event.AttrRule, "rule"},
	{event.AttrBlock, "public access block"},
	{event.AttrPermission, "permission"},
	{event.AttrTarget, "target"},
	{event.AttrChannel, "channel"},
	{event.AttrPolicy, "policy"},
	{event.AttrReason, "reason"},
}

// detail is what else an event states.
func detail(e *event.Event) string {
	var parts []string
	for _, d := range details {
		if v := e.Attr(d.attr); v != "" {
			parts = append(parts, d.words+": "+v)
		}
	}
	return strings.Join(parts, "; ")
}

// AgentName is a user agent as people name it, such as Chrome on Windows, or as it was sent where it has no such name.
func AgentName(agent string) string { return cmp.Or(agentName(agent), agent) }

// agentName is a user agent as people name it, such as Chrome on Windows; "" if it is not known.
func agentName(agent string) string {
	if agent == "" {
		return ""
	}
	a := useragent.Parse(agent)
	switch {
	case a.Name == "" || a.Name == agent:
		return ""
	case a.OS == "":
		return a.Name
	}
	return a.Name + " on " + a.OS
}

// Forms of ids that go into addresses of consoles.
var (
	opaqueID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	repository = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	iamName    = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
	uuid       = regexp.MustCompile(`^([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	slackID    = regexp.MustCompile(`^[CG][A-Z0-9]{5,30}$`)
	slackTeam  = regexp.MustCompile(`^T[A-Z0-9]{5,30}$`)
)

// consoleURL is the address of an event's object in the vendor's console, where the log states enough to
// make one; "" otherwise.
func consoleURL(e *event.Event) string {
	o := &e.Object
	folder := o.Folder || o.Type == "folder"
	switch {
	case e.Source == event.Box && folder && opaqueID.MatchString(o.ID):
		return "https://app.box.com/folder/" + o.ID
	case e.Source == event.Box && o.Type == "file" && opaqueID.MatchString(o.ID):
		return "https://app.box.com/file/" + o.ID
	case e.Source == event.GoogleWorkspace && folder && opaqueID.MatchString(o.ID):
		return "https://drive.google.com/drive/folders/" + o.ID
	case e.Source == event.GoogleWorkspace && (o.Container != "" || o.Type == "file") && opaqueID.MatchString(o.ID):
		return "https://drive.google.com/open?id=" + o.ID
	case e.Source == event.M365:
		return sharePointURL(o)
	case e.Source == event.GitHub && o.Type == "repository" && repository.MatchString(o.Name):
		return "https://github.com/" + o.Name
	case e.Source == event.CloudTrail && o.Type == "bucket" && bucketName.MatchString(o.Name):
		return "https://console.aws.amazon.com/s3/buckets/" + o.Name
	case e.Source == event.CloudTrail:
		return iamURL(o)
	case e.Source == event.Slack && o.Type == "channel" && slackID.MatchString(o.ID) && slackTeam.MatchString(e.Tenant):
		return "https://slack.com/app_redirect?team=" + e.Tenant + "&channel=" + o.ID
	}
	return ""
}

// iamURL is the address of a user, role or group of IAM, which has no region. A user of Identity Center, whose id is a
// UUID, has none.
func iamURL(o *event.Object) string {
	path := map[string]string{"user": "users", "role": "roles", "group": "groups"}[o.Type]
	if path == "" || !iamName.MatchString(o.Name) || uuid.MatchString(o.Name) {
		return ""
	}
	return "https://console.aws.amazon.com/iam/home#/" + path + "/details/" + url.PathEscape(o.Name)
}

// sharePointURL is the address that Microsoft 365 states for a file, if it is one of SharePoint or OneDrive.
func sharePointURL(o *event.Object) string {
	for _, s := range [...]string{o.ID, o.Name, o.Container} {
		u, err := url.Parse(s)
		if err == nil && u.Scheme == "https" && strings.HasSuffix(u.Hostname(), ".sharepoint.com") && u.User == nil {
			return u.String()
		}
	}
	return ""
}
