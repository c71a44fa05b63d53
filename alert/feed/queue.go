package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/outflow/outflow/alert"
)

const (
	casesShown  = 50 // of a page of the queue
	alertsShown = 5  // of a case on it, beside the first
	maxQuery    = 200
)

// manyHits is how many alerts a search must find for the order of the queue to be followed, and not that of the hits.
var manyHits = 2000

// queueFilter is what the URL of the queue selects.
type queueFilter struct {
	Text       string // words that the alert has, the beginning of its id, or that of a pseudonym
	Severity   string // least severity; "" for all
	Status     string // a status, active, closed or any; "" for active
	Detector   string
	Source     string
	Department string
	Assignee   string // "-" for nobody
	User       string // pseudonym
	Case       string
	Age        string // most time since the alert: 24h, 7d; "" for any
	Leaver     bool   // only people who are leaving
	All        bool   // also alerts that did not need attention
	Newest     bool   // in the order of time
	Page       int    // from 1

	severity alert.Severity
	from     time.Time
	users    []string // accounts that the alert must be about; nil for all
	incident string   // Case within Outflow
	hits     int      // alerts in the table hits, which fit Text; -1 if Text does not matter
}

// The groups of statuses that the queue has beside the statuses themselves.
const (
	active = "active"
	closed = "closed"
	every  = "any"
)

// statusGroups are the statuses of the tabs of the queue.
var statusGroups = map[string][]Status{
	active: {Undecided, Acknowledged},
	closed: {True, BenignTrue, False, Duplicate},
	every:  Statuses,
}

// ages are the times that the queue can be filtered by.
var ages = []facet{{"age", "24h", "24 hours"}, {"age", "7d", "7 days"}, {"age", "30d", "30 days"}, {"age", "90d", "90 days"}}

// queueParameters are the names of the parameters of the filter, as links keep them.
var queueParameters = []string{
	"q", "severity", "status", "detector", "source", "department", "assignee", "user", "case", "age", "leaver", "all", "sort", "page",
}

// readFilter reads the filter of a URL. A parameter that it does not know the value of is refused.
func (s *Server) readFilter(ctx context.Context, q url.Values, who *reader) (*queueFilter, error) {
	f := &queueFilter{
		Text:       strings.TrimSpace(q.Get("q")),
		Severity:   q.Get("severity"),
		Status:     q.Get("status"),
		Detector:   q.Get("detector"),
		Source:     q.Get("source"),
		Department: q.Get("department"),
		Assignee:   q.Get("assignee"),
		User:       q.Get("user"),
		Case:       q.Get("case"),
		Age:        q.Get("age"),
		Leaver:     q.Get("leaver") == "1",
		All:        q.Get("all") == "1",
		Newest:     q.Get("sort") == "newest",
		Page:       1,
	}
	if longer(f.Text, maxQuery) {
		return nil, refuse(http.StatusBadRequest, "a search has %d characters at most", maxQuery)
	}
	if f.Status != "" && statusGroups[f.Status] == nil && !slices.Contains(Statuses, Status(f.Status)) {
		return nil, refuse(http.StatusBadRequest, "status: %q is none of %v, active, closed, any", f.Status, Statuses)
	}
	f.incident = who.mask.RealID(f.Case)
	var err error
	if f.Severity != "" {
		if f.severity, err = alert.ParseSeverity(f.Severity); err != nil {
			return nil, refuse(http.StatusBadRequest, "severity: %v", err)
		}
	}
	if v := q.Get("page"); v != "" {
		if f.Page, err = strconv.Atoi(v); err != nil || f.Page < 1 || f.Page > 1e6 {
			return nil, refuse(http.StatusBadRequest, "page: %q is not a page", v)
		}
	}
	if f.Age != "" {
		if f.from, err = since(f.Age, s.Now()); err != nil {
			return nil, err
		}
	}
	if f.User != "" {
		user, err := s.revealedName(ctx, who, f.User)
		if err != nil {
			return nil, err
		}
		f.users = []string{user}
	}
	if f.Leaver {
		return f, s.onlyLeavers(ctx, f)
	}
	return f, nil
}

// since returns the time from which on alerts are as old as a text such as 24h or 7d allows.
func since(age string, now time.Time) (time.Time, error) {
	n, err := strconv.Atoi(strings.TrimRight(age, "hd"))
	if err != nil || n < 1 || n > 10_000 || !strings.HasSuffix(age, "h") && !strings.HasSuffix(age, "d") {
		return now, refuse(http.StatusBadRequest, "age: %q is not a time such as 24h or 7d", age)
	}
	unit := time.Hour
	if strings.HasSuffix(age, "d") {
		unit = 24 * time.Hour
	}
	return now.Add(-time.Duration(n) * unit), nil
}

// onlyLeavers narrows a filter to people who are leaving.
func (s *Server) onlyLeavers(ctx context.Context, f *queueFilter) error {
	list, err := s.Alerts.Leavers(ctx)
	if err != nil {
		return err
	}
	users := []string{}
	for _, l := range list {
		if f.users == nil || slices.Contains(f.users, l.User) {
			users = append(users, l.User)
		}
	}
	f.users = users
	return nil
}

// Statuses returns the statuses that the filter selects.
func (f *queueFilter) Statuses() []Status {
	if f.Status == "" {
		return statusGroups[active]
	}
	if g := statusGroups[f.Status]; g != nil {
		return g
	}
	return []Status{Status(f.Status)}
}

// where returns the condition of the filter about the table queue, under a name.
func (f *queueFilter) where(table string, statuses []Status) (cond string, args []any, err error) {
	var list []string
	add := func(c string, a ...any) {
		list, args = append(list, strings.ReplaceAll(c, "$", table+".")), append(args, a...)
	}
	if !f.All {
		add("$shown")
	}
	if len(statuses) < len(Statuses) {
		add("$status IN (?"+strings.Repeat(", ?", len(statuses)-1)+")", anys(statuses)...)
	}
	if f.severity > alert.Informational {
		add("$severity >= ?", f.severity)
	}
	for column, value := range map[string]string{"detectors": f.Detector, "sources": f.Source} {
		if value != "" {
			add("instr($"+column+", ?) > 0", " "+value+" ")
		}
	}
	for column, value := range map[string]string{"department": f.Department, "incident": f.incident} {
		if value != "" {
			add("$"+column+" = ?", value)
		}
	}
	switch f.Assignee {
	case "":
	case "-":
		add("$assignee = ''")
	default:
		add("$assignee = ? COLLATE NOCASE", f.Assignee)
	}
	if !f.from.IsZero() {
		add("$time >= ?", f.from.UnixMilli())
	}
	if f.users != nil {
		users, err := json.Marshal(f.users)
		if err != nil {
			return "", nil, fmt.Errorf("feed: filter queue: %w", err)
		}
		add("$user IN (SELECT value FROM json_each(?))", string(users))
	}
	switch {
	case f.hits > manyHits:
		add("+$id IN hits") // do not begin with them
	case f.hits >= 0:
		add("$id IN hits")
	}
	if len(list) == 0 {
		return "1", nil, nil
	}
	return strings.Join(list, " AND "), args, nil
}

// anys returns a list as arguments of a query.
func anys[T ~string](list []T) (out []any) {
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

// order is the column by which the queue is ordered, the highest first.
func (f *queueFilter) order() string {
	if f.Newest {
		return "time"
	}
	return "rank"
}

// words returns the words of a search, as FTS4 reads them: each is the beginning of a word of the alert.
func words(text string) string {
	list := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for i := range list {
		list[i] += "*"
	}
	return strings.Join(list, " ")
}

// search fills the temporary table hits with the alerts that the text of a filter finds: by their words, by the beginning of
// their id, and by the users whom it is the beginning of the pseudonym of.
func (f *queueFilter) search(ctx context.Context, db *sql.Conn, users []string) error {
	if f.hits = -1; f.Text == "" {
		return nil
	}
	if err := fillHits(ctx, db, f.Text, users); err != nil {
		return err
	}
	return db.QueryRowContext(ctx, "SELECT count(*) FROM hits").Scan(&f.hits)
}

// fillHits fills the table hits.
func fillHits(ctx context.Context, db *sql.Conn, text string, users []string) error {
	if _, err := db.ExecContext(ctx, "CREATE TEMP TABLE IF NOT EXISTS hits (id INTEGER PRIMARY KEY); DELETE FROM hits"); err != nil {
		return err
	}
	if match := words(text); match != "" {
		if _, err := db.ExecContext(ctx, "INSERT INTO hits SELECT docid FROM queue_text WHERE body MATCH ?", match); err != nil {
			return err
		}
	}
	if prefix := strings.ToLower(text); isHex(prefix) {
		if _, err := db.ExecContext(ctx, "INSERT OR IGNORE INTO hits SELECT id FROM queue WHERE seen >= ?1 AND seen < ?1 || 'g'",
			prefix); err != nil {
			return err
		}
	}
	if len(users) == 0 {
		return nil
	}
	list, err := json.Marshal(users)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "INSERT OR IGNORE INTO hits SELECT id FROM queue WHERE user IN (SELECT value FROM json_each(?))",
		string(list))
	return err
}

// isHex reports whether a text could be the beginning of an alert's id.
func isHex(text string) bool {
	return len(text) >= 4 && strings.IndexFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789abcdef", c) }) < 0
}

// found is a part of the queue.
type found struct {
	leads  []string            // alerts of the page: the first of each case
	others map[string][]string // further alerts of the case that fit, by the first
	more   map[string]int      // how many further ones there are beyond these
	counts map[Status]int      // alerts that fit, by status
	next   bool                // whether there is a further page
}

// find returns a page of the queue. Users are those whom the text of the filter means.
func (s *Store) find(ctx context.Context, f *queueFilter, users []string) (*found, error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("feed: search queue: %w", err)
	}
	defer db.Close()
	out := &found{others: map[string][]string{}, more: map[string]int{}, counts: map[Status]int{}}
	if err := f.search(ctx, db, users); err != nil {
		return nil, fmt.Errorf("feed: search queue: %w", err)
	}
	for _, step := range []func(context.Context, *sql.Conn, *queueFilter) error{out.count, out.page, out.cases} {
		if err := step(ctx, db, f); err != nil {
			return nil, fmt.Errorf("feed: search queue: %w", err)
		}
	}
	return out, nil
}

// inIndex reports whether the index queue_status, which is in the order of statuses, has all that the filter is about.
func (f *queueFilter) inIndex() bool {
	return !f.All && f.Detector+f.Source+f.Department+f.Assignee+f.Case == "" && f.from.IsZero() && f.users == nil &&
		(f.hits < 0 || f.hits > manyHits)
}

// count counts the alerts that fit but for their status.
func (x *found) count(ctx context.Context, db *sql.Conn, f *queueFilter) error {
	cond, args, err := f.where("queue", Statuses)
	if err != nil {
		return err
	}
	if f.inIndex() {
		cond = "queue.shown = 1 AND " + cond
	}
	rows, err := db.QueryContext(ctx, "SELECT status, count(*) FROM queue WHERE "+cond+" GROUP BY status", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var status Status
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			return err
		}
		x.counts[status] = n
	}
	return rows.Err()
}

// page reads the first alerts of the cases of a page.
func (x *found) page(ctx context.Context, db *sql.Conn, f *queueFilter) error {
	query, args, err := f.leads("", nil)
	if err != nil {
		return err
	}
	args = append(args, casesShown+1, (f.Page-1)*casesShown)
	rows, err := db.QueryContext(ctx, query+" ORDER BY q."+f.order()+" DESC, q.id DESC LIMIT ? OFFSET ?", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		x.leads = append(x.leads, id)
	}
	if x.next = len(x.leads) > casesShown; x.next {
		x.leads = x.leads[:casesShown]
	}
	return rows.Err()
}

// leads returns the query for the alerts that fit and come first in their case, with a further condition about q.
func (f *queueFilter) leads(further string, with []any) (query string, args []any, err error) {
	own, args, err := f.where("q", f.Statuses())
	if err != nil {
		return "", nil, err
	}
	before, more, err := f.where("b", f.Statuses())
	if err != nil {
		return "", nil, err
	}
	if further != "" {
		own, args = own+" AND "+further, append(args, with...)
	}
	if f.severity > 0 && !f.Newest {
		own, args = own+" AND q.rank >= ?", append(args, leastRank(f.severity))
	}
	o := f.order()
	return "SELECT q.alert FROM queue q WHERE " + own + " AND NOT EXISTS (SELECT 1 FROM queue b WHERE b.incident = q.incident AND (b." +
		o + ", b.id) > (q." + o + ", q.id) AND " + before + ")", append(args, more...), nil
}

// cases reads the other alerts of the cases of a page.
func (x *found) cases(ctx context.Context, db *sql.Conn, f *queueFilter) error {
	if len(x.leads) == 0 {
		return nil
	}
	cond, args, err := f.where("q", f.Statuses())
	if err != nil {
		return err
	}
	list, err := json.Marshal(x.leads)
	if err != nil {
		return err
	}
	query := "SELECT l.alert, q.alert FROM queue l CROSS JOIN queue q ON q.incident = l.incident AND q.alert <> l.alert " +
		"WHERE l.alert IN (SELECT value FROM json_each(?)) AND " + cond + " ORDER BY q." + f.order() + " DESC"
	rows, err := db.QueryContext(ctx, query, append([]any{string(list)}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var lead, id string
		if err := rows.Scan(&lead, &id); err != nil {
			return err
		}
		if len(x.others[lead]) == alertsShown {
			x.more[lead]++
			continue
		}
		x.others[lead] = append(x.others[lead], id)
	}
	return rows.Err()
}

// neighbours returns the alerts before and after one in the queue of a filter, "" where there is none. The alert
// itself need not fit.
func (s *Store) neighbours(ctx context.Context, f *queueFilter, users []string, id string) (before, after string, err error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return "", "", fmt.Errorf("feed: search queue: %w", err)
	}
	defer db.Close()
	if err := f.search(ctx, db, users); err != nil {
		return "", "", fmt.Errorf("feed: search queue: %w", err)
	}
	o := f.order()
	var place, row int64
	var incident string
	err = db.QueryRowContext(ctx, "SELECT "+o+", id, incident FROM queue WHERE alert = ?", id).Scan(&place, &row, &incident)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("feed: search queue: %w", err)
	}
	if least := leastRank(f.severity); !f.Newest && place < least { // it is below all that fit
		place, row = least, 0
	}
	for _, side := range []struct {
		than, dir string
		to        *string
	}{{">", "ASC", &before}, {"<", "DESC", &after}} {
		query, args, err := f.leads("(q."+o+", q.id) "+side.than+" (?, ?) AND q.incident <> ?", []any{place, row, incident})
		if err != nil {
			return "", "", err
		}
		err = db.QueryRowContext(ctx, query+" ORDER BY q."+o+" "+side.dir+", q.id "+side.dir+" LIMIT 1", args...).Scan(side.to)
		if err != nil && err != sql.ErrNoRows {
			return "", "", fmt.Errorf("feed: search queue: %w", err)
		}
	}
	return before, after, nil
}
