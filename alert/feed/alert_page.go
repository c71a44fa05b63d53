package feed

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/report"
	guide "github.com/outflow/outflow/docs/detectors"
	"github.com/outflow/outflow/internal/country"
	"github.com/outflow/outflow/internal/plain"
)

// alertView is the data of the page of an alert.
type alertView struct {
	frame
	Item       *item
	User       string // pseudonym; "" if it is about no person
	Evidence   []evidenceView
	Story      []moment
	Open       []alert.Exposure // of this person, of other alerts
	Related    []item
	Unseen     []string
	Chart      *report.Series
	History    []Triage
	Duplicates []linkedAlert // closed as duplicates of this alert
	Suggestion *suggestion
	Proposals  []proposal // what waits for a second person
	Fate       string     // how long exposures stayed

	DuplicateOf *linkedAlert // nil if it is no duplicate, or of an alert that is gone

	Events   bool   // whether all events can be shown
	Queue    string // query of the queue that the reader came from
	Previous string
	Next     string
	Done     *batch
	Form     *triageForm
}

// evidenceView is what one detector contributes.
type evidenceView struct {
	alert.Evidence
	guide.Guide
	Right Outcomes // of the detector's alerts so far
	Table itemTable
	Limit int // number of destinations that are not shown
}

// itemTable is a table of items.
type itemTable struct {
	ID    string // unique on the page
	Title string
	Rows  []itemRow
	// Whether any row has an amount, recipients, a client, an outcome.
	Amounts, Recipients, Clients, Outcomes bool
}

// add adds items to the table.
func (t *itemTable) add(list []alert.Item) {
	for i := range list {
		row := newItemRow(&list[i])
		t.Amounts, t.Recipients = t.Amounts || row.Amount != "", t.Recipients || row.To != ""
		t.Clients, t.Outcomes = t.Clients || row.From != "", t.Outcomes || row.Outcome != ""
		t.Rows = append(t.Rows, row)
	}
}

// itemRow is an item as the table has it.
type itemRow struct {
	alert.Item
	To     string // who received it
	Amount string // how much
	Sort   int64  // by which amounts are sorted
	Place  string // container, type and label
	From   string // client
	Page   string // path of the page about the object; "" if it has none
	JSON   string // all that is stored of it; "" where that is not shown
}

// maxDestinations is the most destinations of one detector's evidence that are shown.
const maxDestinations = 20

// alertPage serves one alert with its evidence.
func (s *Server) alertPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if full, err := s.fullID(r, who); err != nil {
		return err
	} else if full != "" {
		to := url.URL{Path: "/alerts/" + full, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return nil
	}
	return s.showAlert(w, r, who, r.URL.Query().Get("queue"), nil)
}

// fullID returns the id of the alert that a request names by its first digits; "" if it gives the whole id, or one that
// is not known.
func (s *Server) fullID(r *http.Request, who *reader) (string, error) {
	id := r.PathValue("id")
	if !isHex(id) {
		return "", nil
	}
	if known, err := s.Alerts.IDOf(r.Context(), id); err != nil || known == id {
		return "", err
	}
	full, err := s.idOf(r.Context(), id, who)
	return who.mask.ID(full), err
}

// showAlert answers the page of an alert. Form is what was refused, or nil.
func (s *Server) showAlert(w http.ResponseWriter, r *http.Request, who *reader, queue string, form *triageForm) error {
	ctx := r.Context()
	c, _, err := s.latest(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Alerts.LoadItems(ctx, &c.Alert); err != nil {
		return err
	}
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role,
		who.about("looked at", c.Alert.ID, c.Alert.User)); err != nil {
		return err
	}
	items, err := s.items(ctx, []alert.Change{*c}, who)
	if err != nil {
		return err
	}
	v := &alertView{
		frame:  frame{Title: items[0].Alert.Title, Who: who.Token, At: "/"},
		Item:   &items[0],
		Form:   form,
		Events: s.Events != nil,
	}
	for _, part := range []func(context.Context, *alertView, *alert.Alert, *reader) error{
		s.addEvidence, s.addHistory, s.addStory, s.addRest,
	} {
		if err := part(ctx, v, &c.Alert, who); err != nil {
			return err
		}
	}
	if err := s.addPlace(ctx, v, queue, who); err != nil {
		return err
	}
	if v.Done, err = s.Store.batchOf(ctx, r.URL.Query().Get("done"), who.Name); err != nil {
		return err
	}
	status := http.StatusOK
	if form != nil {
		status = http.StatusUnprocessableEntity
	}
	return s.render(w, status, "alert.html", v)
}

// addEvidence adds what each detector contributes, and what its documentation says.
func (s *Server) addEvidence(ctx context.Context, v *alertView, a *alert.Alert, who *reader) error {
	precision, err := s.Store.Precision(ctx)
	if err != nil {
		return err
	}
	pages := who.objectPaths(a)
	for k, e := range v.Item.Alert.Evidence {
		x := evidenceView{Evidence: e, Guide: guide.For(e.Detector), Right: precision[e.Detector]}
		if x.Limit = len(e.Destinations) - maxDestinations; x.Limit > 0 {
			x.Destinations = e.Destinations[:maxDestinations]
		}
		x.Table = itemTable{ID: strconv.Itoa(k), Title: e.Title}
		x.Table.add(e.Items)
		for i := range x.Table.Rows {
			x.Table.Rows[i].Page = pages[k][i]
		}
		v.Evidence = append(v.Evidence, x)
	}
	return nil
}

// newItemRow returns an item as the table has it.
func newItemRow(x *alert.Item) itemRow {
	row := itemRow{Item: *x, To: recipients(x), From: client(&x.Client)}
	row.Amount, row.Sort = amount(x)
	var place []string
	_, container, found := strings.Cut(x.Object.Container, "://")
	if !found {
		container = x.Object.Container
	}
	for _, p := range []string{x.Object.Type, container, x.Object.Label, x.Detail} {
		if p != "" && p != x.Object.Name && p != "file" {
			place = append(place, p)
		}
	}
	row.Place = strings.Join(place, " · ")
	return row
}

// Name returns what the item is about: its name, or what else the log states of it.
func (x *itemRow) Name() string {
	return cmp.Or(x.Object.Name, x.Object.ID, x.Object.Container, x.Action)
}

// Activities returns the kind of action in plain words.
func (x *itemRow) Activities() string {
	switch x.Activity {
	case "", "other", "cloud_change", "cloud_read", "config_change", "derived", "vendor_alert":
		return x.Action
	case "share_user":
		return "shared"
	case "share_link":
		return "link or visibility"
	case "mfa_denied", "mfa_challenge", "mfa_disabled", "mfa_enabled":
		return "MFA " + strings.TrimPrefix(x.Activity, "mfa_")
	}
	return strings.ReplaceAll(x.Activity, "_", " ")
}

// recipients says who received an item.
func recipients(x *alert.Item) string {
	var list []string
	for _, r := range x.Recipients {
		switch {
		case r == "*":
			r = "everybody"
		case strings.HasPrefix(r, "@"):
			r = "all of " + r[1:]
		}
		list = append(list, r)
	}
	if len(list) == 0 {
		switch x.Visibility {
		case "public_link":
			return "anybody with the link"
		case "public":
			return "everybody"
		}
	}
	return strings.Join(list, ", ")
}

// amount says how much an item is, and the number by which amounts are sorted.
func amount(x *alert.Item) (text string, sort int64) {
	size := cmp.Or(max(x.Bytes, 0), max(x.Object.Size, 0))
	return strings.Join(x.Amounts(), ", "), cmp.Or(size, max(x.Rows, 0), x.Count)
}

// client says where an action came from.
func client(c *alert.Client) string {
	var list []string
	for _, p := range []string{c.IP, country.Name(c.Country), c.Network, cmp.Or(c.Agent, c.App, c.UserAgent), c.Device} {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, " · ")
}

// addHistory adds what was decided, and the suppression that a false positive offers.
func (s *Server) addHistory(ctx context.Context, v *alertView, a *alert.Alert, who *reader) (err error) {
	if v.History, err = s.Store.Decisions(ctx, a.ID); err != nil {
		return err
	}
	if v.Suggestion, err = s.suggested(ctx, a, v.History, who); err != nil {
		return err
	}
	for _, kind := range []string{closing, suppressing} {
		p, err := s.Store.proposal(ctx, a.ID, kind)
		if err != nil {
			return err
		}
		if p != nil {
			v.Proposals = append(v.Proposals, *p)
		}
	}
	v.History = who.decisions(v.History)
	return s.addDuplicates(ctx, v, a.ID, who)
}

// addStory adds other alerts about the person, and what came before and after this one.
func (s *Server) addStory(ctx context.Context, v *alertView, a *alert.Alert, who *reader) (err error) {
	if a.User != "" {
		v.User = who.mask.Name(a.User)
		if v.Related, err = s.about(ctx, who, a.User); err != nil {
			return err
		}
		v.Related = slices.DeleteFunc(v.Related, func(x item) bool { return x.Alert.ID == v.Item.Alert.ID })
	}
	v.Open = openExposures(v.Related)
	v.Story = timeline(&v.Item.Alert, v.Related)
	return nil
}

// addRest adds what could not be seen, the days around the alert, and what became of exposures.
func (s *Server) addRest(ctx context.Context, v *alertView, a *alert.Alert, _ *reader) (err error) {
	for _, f := range (&alert.Message{Alert: v.Item.Alert}).Facts() {
		if f.Name == "Fate" {
			v.Fate = f.Value
		}
	}
	if v.Unseen, err = s.missingSources(ctx, a); err != nil {
		return err
	}
	v.Chart, err = s.alertSeries(ctx, a)
	return err
}

// addPlace adds the alerts before and after this one in the queue that the reader came from.
func (s *Server) addPlace(ctx context.Context, v *alertView, queue string, who *reader) error {
	if _, err := s.catchUp(ctx); err != nil {
		return err
	}
	q, err := url.ParseQuery(queue)
	if err != nil {
		return nil // somebody has changed the link: there is no place to keep
	}
	q = queueQuery(q, nil)
	v.Queue = q.Encode()
	f, err := s.readFilter(ctx, q, who)
	if r := (*refusal)(nil); errors.As(err, &r) {
		return nil
	} else if err != nil {
		return err
	}
	users, err := s.usersOf(ctx, f.Text, who)
	if err != nil {
		return err
	}
	before, after, err := s.Store.neighbours(ctx, f, users, who.mask.RealID(v.Item.Alert.ID))
	if err != nil {
		return err
	}
	v.Previous, v.Next = v.link(who.mask.ID(before)), v.link(who.mask.ID(after))
	return nil
}

// link returns the link to another alert of the queue; "" for none.
func (v *alertView) link(id string) string {
	if id == "" {
		return ""
	}
	return alertURL(id, v.Queue, "")
}

// alertURL returns the link to an alert, with the query of the queue that leads there and a batch of decisions.
func alertURL(id, queue, done string) string {
	q := url.Values{}
	if queue != "" {
		q.Set("queue", queue)
	}
	if done != "" {
		q.Set("done", done)
	}
	u := url.URL{Path: "/alerts/" + id, RawQuery: q.Encode()}
	return u.String()
}

// Self returns the link to this page.
func (v *alertView) Self() string { return alertURL(v.Item.Alert.ID, v.Queue, "") }

// Back returns the link to the place of the alert in the queue.
func (v *alertView) Back() string {
	u := url.URL{Path: "/", RawQuery: v.Queue, Fragment: "a-" + v.Item.Alert.ID}
	return u.String()
}

// Status returns the status of the alert.
func (v *alertView) Status() Status { return v.Item.Status() }

// Assignee returns who works on the alert; "" for nobody.
func (v *alertView) Assignee() string {
	if v.Item.Triage == nil {
		return ""
	}
	return v.Item.Triage.Assignee
}

// When returns the time of the alert's events.
func (v *alertView) When() template.HTML {
	from, to := v.Item.Alert.Window.Start, v.Item.Alert.Window.End
	if to.Sub(from) < time.Minute {
		return when(from)
	}
	return when(from) + " to " + when(to)
}

// decidePage stores a decision from the page of an alert.
func (s *Server) decidePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if r.PostFormValue("status") == "assign" {
		return s.assignPage(w, r, who)
	}
	form := &triageForm{Status: formStatus(r), Note: r.PostFormValue("note"), Of: r.PostFormValue("duplicate_of")}
	t := Triage{
		Status: form.Status, Assignee: strings.TrimSpace(r.PostFormValue("assignee")), Note: form.Note, DuplicateOf: form.Of,
		Batch: rand.Text(),
	}
	if r.PostFormValue("status") == "acknowledged" && t.Assignee == "" {
		t.Assignee = who.Name
	}
	id, queue := r.PathValue("id"), r.PostFormValue("queue")
	if form.Error = formError(&t); form.Error == "" {
		var err error
		if form.Error, err = s.duplicateError(r.Context(), &t, who, id); err != nil {
			return err
		}
	}
	if form.Error != "" {
		return s.showAlert(w, r, who, queue, form)
	}
	if _, err := s.decide(r.Context(), id, t, who); err != nil {
		return err
	}
	http.Redirect(w, r, alertURL(who.mask.ID(id), queue, t.Batch), http.StatusSeeOther)
	return nil
}

// assignPage assigns an alert, or takes it from whoever had it, and leaves its status.
func (s *Server) assignPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	id, queue := r.PathValue("id"), r.PostFormValue("queue")
	all, err := s.Store.LatestDecisions(r.Context(), id)
	if err != nil {
		return err
	}
	t := Triage{Status: cmp.Or(all[id].Status, Undecided), DuplicateOf: all[id].DuplicateOf, Batch: rand.Text()}
	if t.Assignee = strings.TrimSpace(r.PostFormValue("assignee")); t.Assignee == all[id].Assignee {
		http.Redirect(w, r, alertURL(who.mask.ID(id), queue, ""), http.StatusSeeOther)
		return nil
	}
	if t.Status == False || t.Status == BenignTrue {
		t.Note = all[id].Note
	}
	if _, err := s.decide(r.Context(), id, t, who); err != nil {
		return err
	}
	http.Redirect(w, r, alertURL(who.mask.ID(id), queue, t.Batch), http.StatusSeeOther)
	return nil
}

// commentPage adds a note to an alert, and leaves its status.
func (s *Server) commentPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	id, queue := r.PathValue("id"), r.PostFormValue("queue")
	note := strings.TrimSpace(r.PostFormValue("comment"))
	if note == "" || longer(note, maxNote) {
		return refuse(http.StatusBadRequest, "a note has 1 to %d characters", maxNote)
	}
	before, err := s.Store.LatestDecisions(r.Context(), id)
	if err != nil {
		return err
	}
	t := before[id]
	t = Triage{Status: cmp.Or(t.Status, Undecided), Assignee: t.Assignee, Note: note, DuplicateOf: t.DuplicateOf}
	if _, err := s.decide(r.Context(), id, t, who); err != nil {
		return err
	}
	http.Redirect(w, r, alertURL(who.mask.ID(id), queue, "")+"#history", http.StatusSeeOther)
	return nil
}

// itemColumns are the columns of the file with an alert's items.
var itemColumns = []string{
	"time", "detector", "source", "activity", "action", "outcome", "object", "object_id", "object_type", "container", "owner", "label",
	"object_bytes", "url", "recipients", "visibility", "rows", "bytes", "count", "detail", "ip", "country", "network", "device", "app",
	"user_agent", "record_id",
}

// itemsFile answers the items of an alert as CSV, which is safe to open in a spreadsheet.
func (s *Server) itemsFile(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, _, err := s.latest(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.Alerts.LoadItems(r.Context(), &c.Alert); err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		who.about("downloaded the items of", c.Alert.ID, c.Alert.User)); err != nil {
		return err
	}
	a := who.mask.Alert(&c.Alert)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="outflow-`+a.Short()+`.csv"`)
	out := csv.NewWriter(w)
	out.Write(itemColumns)
	num := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for i := range a.Evidence {
		for _, x := range a.Evidence[i].Items {
			row := []string{
				x.Time.UTC().Format(time.RFC3339Nano), a.Evidence[i].Detector, x.Source, x.Activity, x.Action, x.Outcome, x.Object.Name,
				x.Object.ID, x.Object.Type, x.Object.Container, x.Object.Owner, x.Object.Label, num(x.Object.Size), x.Object.URL,
				strings.Join(x.Recipients, " "), x.Visibility, num(x.Rows), num(x.Bytes), num(x.Count), x.Detail, x.Client.IP,
				x.Client.Country, x.Client.Network, x.Client.Device, x.Client.App, x.Client.UserAgent, x.RecordID,
			}
			for k := range row {
				row[k] = alert.CSVCell(row[k])
			}
			out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

// Said reports whether the sentence of the alert has the reason of a detector.
func (v *alertView) Said(reason string) bool { return strings.Contains(v.Item.Alert.Reason, reason) }

// Days draws the days around the alert.
func (v *alertView) Days() template.HTML {
	var bars []bar
	for _, d := range v.Chart.Days {
		bars = append(bars, bar{Date: d.Date, N: d.N, Usual: d.Usual, Peers: d.Peers, Marked: d.Marked})
	}
	return barChart(bars, bars[len(bars)-1].Date, v.Chart.Unit, v.Chart.Alt)
}

// eventsView is the data of the page with all events of an alert.
type eventsView struct {
	frame
	Alert *alert.Alert
	Table itemTable
	Error string
}

// Missing is how many of the events that the alert counts are not shown.
func (v *eventsView) Missing() int { return max(v.Alert.EventCount-len(v.Table.Rows), 0) }

const (
	eventsWait  = 20 * time.Second // how long the event log is searched
	eventsShown = 2000             // most events of the page
)

// eventsPage serves the events that an alert rests on as the event log has them, also those that its evidence does not
// list.
func (s *Server) eventsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, _, err := s.latest(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if s.Events == nil {
		return refuse(http.StatusNotFound, "there is no event log here")
	}
	if err := s.Alerts.LoadItems(r.Context(), &c.Alert); err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, who.about("read the events of", c.Alert.ID, "")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), eventsWait)
	defer cancel()
	v := &eventsView{frame: frame{Title: "Events of alert " + c.Alert.Short(), Who: who.Token, At: "/"}}
	list, err := s.Events(ctx, &c.Alert)
	if errors.Is(err, context.DeadlineExceeded) && r.Context().Err() == nil {
		err, v.Error = nil, "The event log is too long to be searched on a page. Use: outflow events --alert "+c.Alert.Short()
	}
	if err != nil {
		return err
	}
	a := c.Alert
	a.Evidence = []alert.Evidence{{Items: list[:min(len(list), eventsShown)]}}
	a = who.mask.Alert(&a)
	v.Alert, v.Table = &a, itemTable{ID: "events", Title: "the alert"}
	v.Table.add(a.Evidence[0].Items)
	for i := range v.Table.Rows {
		b, err := json.MarshalIndent(&v.Table.Rows[i].Item, "", "  ")
		if err != nil {
			return err
		}
		v.Table.Rows[i].JSON = string(b)
	}
	return s.render(w, http.StatusOK, "events.html", v)
}

// Titles returns the names of a suppression's detectors for people.
func (v *alertView) Titles(detectors []string) string {
	var list []string
	for _, d := range detectors {
		title := d
		for i := range v.Evidence {
			if v.Evidence[i].Detector == d {
				title = v.Evidence[i].Title
			}
		}
		list = append(list, title)
	}
	return strings.Join(list, " or ")
}

// Effect says what a suppression would have done.
func (v *alertView) Effect() string {
	b := &v.Suggestion.Backtest
	text := fmt.Sprintf("In the %d days before the alert, and since, it would have hidden %s", b.Days,
		plain.CountOf(b.Alerts, "alert", "alerts"))
	if b.Alerts == 0 {
		return text + "."
	}
	return text + fmt.Sprintf(" (%s, %d undecided).", plain.CountOf(b.True, "true positive", "true positives"), b.Open)
}
