package feed

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/internal/plain"
)

// queueDays are the days of which an empty queue shows the coverage.
const queueDays = 7

// queueView is the data of the queue.
type queueView struct {
	frame
	Filter   *queueFilter
	Tabs     []tab
	Cases    []caseRow
	Total    int // alerts that fit
	Closed   int // closed alerts that fit the rest of the filter, where none of the active ones does
	From     int // number of the first case shown
	Previous string
	Next     string
	Facets   map[string][]facet
	Ages     []facet
	Views    []*savedView
	Query    string // the filter, as a URL has it
	Filtered bool   // whether anything is filtered
	Narrowed bool   // whether one of the filters beside the search is set
	Left     int64  // changes that are not in the index yet
	Done     *batch
	Form     *triageForm
	Coverage *report.Coverage
	Usual    *report.Usual
}

// tab leads to the alerts of a status.
type tab struct {
	Title   string
	Count   int
	URL     string
	Current bool
}

// caseRow is a case in the queue.
type caseRow struct {
	Lead   queueRow
	Others []queueRow
	More   int    // further alerts of the case
	All    string // link to all of them
}

// queueRow is an alert in the queue.
type queueRow struct {
	item
	Age      template.HTML
	Trend    template.HTML // scores of the person's alerts until then
	Link     string
	Selected bool
}

// triageForm is what somebody wrote into a form that was refused.
type triageForm struct {
	Status Status
	Note   string
	Error  string
	IDs    []string
	Of     string // the alert that reports the same
}

// pseudonymForm is a pseudonym, or its beginning.
var pseudonymForm = regexp.MustCompile(`(?i)^p-[a-z2-9]{0,10}$`)

// queuePage serves the queue: the cases that wait, the most urgent first.
func (s *Server) queuePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if id := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q"))); len(id) >= 6 && isHex(id) {
		full, err := s.idOf(r.Context(), id, who)
		if err != nil {
			return err
		}
		if full != "" {
			http.Redirect(w, r, "/alerts/"+url.PathEscape(who.mask.ID(full)), http.StatusSeeOther)
			return nil
		}
	}
	return s.showQueue(w, r, who, r.URL.Query(), nil)
}

// showQueue answers the queue of a filter. Form is what was refused, or nil.
func (s *Server) showQueue(w http.ResponseWriter, r *http.Request, who *reader, q url.Values, form *triageForm) error {
	left, err := s.catchUp(r.Context())
	if err != nil {
		return err
	}
	f, err := s.readFilter(r.Context(), q, who)
	if err != nil {
		return err
	}
	users, err := s.usersOf(r.Context(), f.Text, who)
	if err != nil {
		return err
	}
	part, err := s.Store.find(r.Context(), f, users)
	if err != nil {
		return err
	}
	v := &queueView{frame: frame{Title: "Alerts", Who: who.Token, At: "/"}, Filter: f, Left: left, Ages: ages, Form: form}
	v.Query = queueQuery(q, nil).Encode()
	v.Filtered = len(queueQuery(q, url.Values{"page": {""}, "sort": {""}})) > 0
	v.Narrowed = len(queueQuery(q, url.Values{"page": {""}, "q": {""}, "status": {""}, "user": {""}, "case": {""}})) > 0
	v.Tabs = tabs(q, f, part.counts)
	for _, st := range f.Statuses() {
		v.Total += part.counts[st]
	}
	for _, st := range statusGroups[closed] {
		v.Closed += part.counts[st]
	}
	if err := s.fillCases(r.Context(), v, part, who); err != nil {
		return err
	}
	v.paging(q, part.next)
	if err := s.fillForms(r, v, who); err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		fmt.Sprintf("looked at the queue: %s", plain.CountOf(len(v.Cases), "case", "cases"))); err != nil {
		return err
	}
	status := http.StatusOK
	if form != nil {
		status = http.StatusUnprocessableEntity
	}
	return s.render(w, status, "queue.html", v)
}

// usersOf returns the users whose pseudonyms begin with a text; nil if it does not look like one.
func (s *Server) usersOf(ctx context.Context, text string, who *reader) (users []string, err error) {
	if !pseudonymForm.MatchString(text) {
		return nil, nil
	}
	d, err := s.directory(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, p := range d.Beginning(text) {
		users = append(users, p.Address)
	}
	return users, nil
}

// fillCases adds the alerts of a page, as the reader sees them.
func (s *Server) fillCases(ctx context.Context, v *queueView, part *found, who *reader) error {
	ids := slices.Clone(part.leads)
	for _, l := range part.others {
		ids = append(ids, l...)
	}
	rows, err := s.rows(ctx, ids, v, who)
	if err != nil {
		return err
	}
	for _, id := range part.leads {
		lead, known := rows[id]
		if !known { // it was deleted since
			continue
		}
		c := caseRow{Lead: lead, More: part.more[id], All: "/?" + url.Values{"case": {lead.Alert.Case}, "status": {every}}.Encode()}
		for _, other := range part.others[id] {
			if x, known := rows[other]; known {
				c.Others = append(c.Others, x)
			}
		}
		v.Cases = append(v.Cases, c)
	}
	return nil
}

// rows returns alerts as the reader sees them in the queue, by id.
func (s *Server) rows(ctx context.Context, ids []string, v *queueView, who *reader) (map[string]queueRow, error) {
	rows := map[string]queueRow{}
	if len(ids) == 0 {
		return rows, nil
	}
	alerts, err := s.Alerts.ByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	decided, err := s.Store.LatestDecisions(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, a := range alerts {
		if a.User != "" {
			users = append(users, a.User)
		}
	}
	scores, err := s.Store.scoresOf(ctx, users)
	if err != nil {
		return nil, err
	}
	for id, a := range alerts {
		x := queueRow{
			item:  item{Alert: who.mask.Alert(&a)},
			Age:   ago(s.Now(), a.Time),
			Trend: trend(scores[a.User], a.Time),
			Link:  "/alerts/" + url.PathEscape(who.mask.ID(id)),
		}
		if t, known := decided[id]; known {
			x.Triage = &who.decisions([]Triage{t})[0]
		}
		if v.Query != "" {
			x.Link += "?" + url.Values{"queue": {v.Query}}.Encode()
		}
		x.Selected = v.Form != nil && slices.Contains(v.Form.IDs, x.Alert.ID)
		rows[id] = x
	}
	return rows, nil
}

// fillForms adds what the forms of the queue need, the decision that can be undone, and what an empty queue says.
func (s *Server) fillForms(r *http.Request, v *queueView, who *reader) (err error) {
	if v.Facets, err = s.Store.facets(r.Context()); err != nil {
		return err
	}
	if v.Views, err = s.Store.savedViews(r.Context(), who.Name); err != nil {
		return err
	}
	if v.Done, err = s.Store.batchOf(r.Context(), r.URL.Query().Get("done"), who.Name); err != nil {
		return err
	}
	if len(v.Cases) == 0 && !v.Filtered {
		v.Coverage, v.Usual, err = s.coverage(r.Context(), s.Now(), queueDays, -1)
	}
	return err
}

// queueQuery returns the parameters of the filter, with some in place of others; an empty value leaves one out.
func queueQuery(q, with url.Values) url.Values {
	out := url.Values{}
	for _, name := range queueParameters {
		v := q.Get(name)
		if with.Has(name) {
			v = with.Get(name)
		}
		if v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// queueURL returns a link to the queue with a parameter in place of another. It leads to the first page.
func queueURL(q url.Values, name, value string) string {
	with := url.Values{"page": {""}}
	with.Set(name, value)
	if out := queueQuery(q, with).Encode(); out != "" {
		return "/?" + out
	}
	return "/"
}

// tabs returns the tabs of the queue, with how many alerts fit the rest of the filter.
func tabs(q url.Values, f *queueFilter, counts map[Status]int) (list []tab) {
	add := func(title, status string, of []Status) {
		t := tab{Title: title, URL: queueURL(q, "status", status), Current: f.Status == status}
		for _, st := range of {
			t.Count += counts[st]
		}
		list = append(list, t)
	}
	add("Active", "", statusGroups[active])
	for _, st := range Statuses {
		add(st.Title(), string(st), []Status{st})
	}
	add("All", every, Statuses)
	return list
}

// paging adds the links to other pages.
func (v *queueView) paging(q url.Values, next bool) {
	v.From = (v.Filter.Page-1)*casesShown + 1
	if v.Filter.Page > 1 {
		v.Previous = queueURL(q, "page", strconv.Itoa(v.Filter.Page-1))
	}
	if next {
		v.Next = queueURL(q, "page", strconv.Itoa(v.Filter.Page+1))
	}
}

// To returns the number of the last case shown.
func (v *queueView) To() int { return v.From + len(v.Cases) - 1 }

// URL returns the link to the queue with its filter.
func (v *queueView) URL() string {
	if v.Query == "" {
		return "/"
	}
	return "/?" + v.Query
}

// With returns a link to the queue with a parameter in place of another.
func (v *queueView) With(name, value string) string {
	q, err := url.ParseQuery(v.Query)
	if err != nil {
		return "/"
	}
	return queueURL(q, name, value)
}

// savedView is a filter that somebody has named.
type savedView struct {
	Name  string
	Query string
}

// URL returns the link to the view.
func (v *savedView) URL() string { return "/?" + v.Query }

// maxViews is how many views one reader can save.
const maxViews = 20

// savedViews returns the views of a reader, by name.
func (s *Store) savedViews(ctx context.Context, who string) (list []*savedView, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT name, query FROM saved_view WHERE who = ? ORDER BY name COLLATE NOCASE", who)
	if err != nil {
		return nil, fmt.Errorf("feed: list views: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		v := &savedView{}
		if err := rows.Scan(&v.Name, &v.Query); err != nil {
			return nil, fmt.Errorf("feed: list views: %w", err)
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// viewsPage saves the filter of the queue under a name, or deletes one that was saved.
func (s *Server) viewsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	name := strings.TrimSpace(r.PostFormValue("name"))
	q, err := url.ParseQuery(r.PostFormValue("query"))
	if name == "" || longer(name, 60) || err != nil {
		return refuse(http.StatusBadRequest, "a view needs a name of at most 60 characters")
	}
	name = who.mask.Redact(name)
	for _, list := range q {
		for i := range list {
			list[i] = who.mask.Redact(list[i])
		}
	}
	query := queueQuery(q, url.Values{"page": {""}}).Encode()
	if r.PostFormValue("delete") != "" {
		if _, err := s.Store.db.ExecContext(r.Context(), "DELETE FROM saved_view WHERE who = ? AND name = ?", who.Name, name); err != nil {
			return fmt.Errorf("feed: delete view: %w", err)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	_, err = s.Store.db.ExecContext(r.Context(), "INSERT INTO saved_view (who, name, query) SELECT ?1, ?2, ?3 "+
		"WHERE (SELECT count(*) FROM saved_view WHERE who = ?1 AND name <> ?2) < ?4 "+
		"ON CONFLICT (who, name) DO UPDATE SET query = excluded.query", who.Name, name, query, maxViews)
	if err != nil {
		return fmt.Errorf("feed: save view: %w", err)
	}
	http.Redirect(w, r, "/?"+query, http.StatusSeeOther)
	return nil
}

// batch is what was decided in one go.
type batch struct {
	ID       string
	Alerts   int
	Status   Status // of the first
	Kept     bool   // whether all had this status before: only the assignee is another
	Assignee string // of the first; "" for nobody
}

// batchOf returns a batch of a reader that can still be undone: nobody has decided otherwise since. Without one it
// returns nil.
func (s *Store) batchOf(ctx context.Context, id, who string) (*batch, error) {
	if id == "" {
		return nil, nil
	}
	b := &batch{ID: id}
	err := s.db.QueryRowContext(ctx, `SELECT count(*), min(t.status), min(t.assignee),
			min(t.status = coalesce(p.status, 'open') AND t.assignee <> coalesce(p.assignee, ''))
		FROM triage t LEFT JOIN triage p ON p.seq = (SELECT max(seq) FROM triage before WHERE before.alert = t.alert AND before.seq < t.seq)
		WHERE t.batch = ? AND t.who = ?
		AND NOT EXISTS (SELECT 1 FROM triage later WHERE later.alert = t.alert AND later.seq > t.seq)
		HAVING count(*) > 0`, id, who).Scan(&b.Alerts, &b.Status, &b.Assignee, &b.Kept)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("feed: read decisions: %w", err)
	}
	return b, nil
}

// Sentence says what was decided.
func (b *batch) Sentence() string {
	what := plain.CountOf(b.Alerts, "alert", "alerts")
	switch {
	case b.Kept && b.Assignee == "":
		return what + " assigned to nobody."
	case b.Kept:
		return what + " assigned to " + b.Assignee + "."
	case b.Status == Undecided:
		return what + " reopened."
	case b.Status == Acknowledged:
		return what + " acknowledged."
	}
	return what + " closed: " + strings.ToLower(b.Status.Title()) + "."
}

// bulkPage decides about the selected alerts of the queue.
func (s *Server) bulkPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if err := r.ParseForm(); err != nil {
		return refuse(http.StatusBadRequest, "the form cannot be read")
	}
	back, err := url.ParseQuery(r.PostFormValue("queue"))
	if err != nil {
		return refuse(http.StatusBadRequest, "the form cannot be read")
	}
	form := &triageForm{Status: formStatus(r), Note: r.PostFormValue("note"), IDs: r.PostForm["id"], Of: r.PostFormValue("duplicate_of")}
	t := Triage{Status: form.Status, Note: form.Note, DuplicateOf: form.Of}
	ids := who.realIDs(form.IDs)
	if form.Error = formError(&t); form.Error == "" && len(form.IDs) == 0 {
		form.Error = "Select at least one alert."
	}
	if len(form.IDs) > (1+alertsShown)*casesShown {
		return refuse(http.StatusBadRequest, "too many alerts at once")
	}
	if form.Error == "" {
		if form.Error, err = s.duplicateError(r.Context(), &t, who, ids...); err != nil {
			return err
		}
	}
	if form.Error != "" {
		return s.showQueue(w, r, who, back, form)
	}
	if t.Status == Acknowledged {
		t.Assignee = who.Name
	}
	id, err := s.decideAll(r.Context(), ids, t, who)
	if err != nil {
		return err
	}
	back = queueQuery(back, nil)
	back.Set("done", id)
	http.Redirect(w, r, "/?"+back.Encode(), http.StatusSeeOther)
	return nil
}

// formStatus returns the status of a form: that of the button that was pressed, or the chosen one where the button
// closes.
func formStatus(r *http.Request) Status {
	if v := r.PostFormValue("status"); v != "close" {
		return Status(v)
	}
	return Status(r.PostFormValue("as"))
}

// formError says what a decision lacks; "" if it lacks nothing.
func formError(t *Triage) string {
	switch {
	case t.Status == "":
		return "Choose how to close."
	case !slices.Contains(Statuses, t.Status):
		return "This status is not known."
	case (t.Status == False || t.Status == BenignTrue) && strings.TrimSpace(t.Note) == "":
		return "Say why: a " + strings.ToLower(t.Status.Title()) + " alert is closed with a reason, which later scores learn from."
	case longer(t.Note, maxNote) || longer(t.Assignee, 200):
		return fmt.Sprintf("A note has %d characters at most, an assignee 200.", maxNote)
	}
	return ""
}

// decideAll decides the same about several alerts, and returns the batch. An assignee that is not named stays.
func (s *Server) decideAll(ctx context.Context, ids []string, t Triage, who *reader) (string, error) {
	t.Batch = rand.Text()
	before, err := s.Store.LatestDecisions(ctx, ids...)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		one := t
		if one.Assignee == "" {
			one.Assignee = before[id].Assignee
		}
		if _, err := s.decide(ctx, id, one, who); err != nil {
			return "", err
		}
	}
	return t.Batch, nil
}

// undoPage takes back what was decided in one go: each alert has the status and the assignee of before.
func (s *Server) undoPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.Store.undoable(r.Context(), r.PostFormValue("batch"), who.Name)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return refuse(http.StatusConflict, "this can no longer be undone: somebody has decided about these alerts since")
	}
	for _, t := range list {
		if err := s.Store.dropProposal(r.Context(), t.Alert, closing); err != nil { // it may be what is undone
			return err
		}
		if _, err := s.decide(r.Context(), t.Alert, t, who); err != nil {
			return err
		}
	}
	to := returnTo(r.PostFormValue("back"))
	if to == "" {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// undoable returns the decisions that take those of a batch back.
func (s *Store) undoable(ctx context.Context, id, who string) (list []Triage, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT t.alert, coalesce(b.status, 'open'), coalesce(b.assignee, ''),
		coalesce(b.duplicate_of, ''), t.status FROM triage t
		LEFT JOIN triage b ON b.seq = (SELECT max(seq) FROM triage WHERE alert = t.alert AND seq < t.seq)
		WHERE t.batch = ? AND t.batch <> '' AND t.who = ?
		AND NOT EXISTS (SELECT 1 FROM triage later WHERE later.alert = t.alert AND later.seq > t.seq) ORDER BY t.seq`, id, who)
	if err != nil {
		return nil, fmt.Errorf("feed: read decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t Triage
		var was Status
		if err := rows.Scan(&t.Alert, &t.Status, &t.Assignee, &t.DuplicateOf, &was); err != nil {
			return nil, fmt.Errorf("feed: read decisions: %w", err)
		}
		t.Note = "Undone: " + strings.ToLower(was.Title())
		list = append(list, t)
	}
	return list, rows.Err()
}
