package hr

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/plain"
	"github.com/outflow/outflow/internal/secret"
	"github.com/outflow/outflow/internal/webapi"
)

// Kinds are the kinds of HR systems: workday, bamboohr and hr_csv.
var Kinds = []ingest.Kind{
	{Name: "workday", New: func() ingest.Opener { return &Workday{} }},
	{Name: "bamboohr", New: func() ingest.Opener { return &BambooHR{} }},
	{Name: "hr_csv", New: func() ingest.Opener { return &CSV{} }},
}

// snapshot is the cursor of a source that lists all people at once.
type snapshot struct {
	Rows int    `json:"rows"`
	Sum  uint64 `json:"sum,string"` // hash of the content
}

// shrunk is the share of the previous people that a snapshot must have at least.
const shrunk = .8

// snapshotPage returns a snapshot as a page. The page is empty if nothing has changed. It is an
// error if so many people are missing that the snapshot cannot be complete. A person who is
// missing is never taken for a leaver.
func snapshotPage(cur ingest.Cursor, name string, body []byte, rows int) (ingest.Page, error) {
	before, err := ingest.ReadCursor[snapshot](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	now := snapshot{rows, xxhash.Sum64(body)}
	switch {
	case now == before:
		return ingest.Page{Next: cur}, nil
	case rows == 0:
		return ingest.Page{}, fmt.Errorf("%s: no people in it: not read, since not everybody can have left", name)
	case float64(rows) < shrunk*float64(before.Rows):
		return ingest.Page{}, fmt.Errorf(
			"%s: %d people in it, %d before: not read; if that is right, reset the state of the source",
			name, rows, before.Rows)
	}
	return ingest.Page{Bodies: []ingest.Body{ingest.MemoryBody(name, body)}, Next: ingest.WriteCursor(now)}, nil
}

// Workday configures a source of kind workday. It needs a custom report that is enabled as a
// web service, with column aliases such as Work_Email, Last_Day_of_Work and Resignation_Date,
// and an integration user who may run it.
type Workday struct {
	URL      string     `yaml:"url"`      // of the report, without parameters; required
	User     string     `yaml:"user"`     // required
	Password secret.Ref `yaml:"password"` // required
}

// Check implements ingest.Opener.
func (c *Workday) Check() error {
	return ingest.RequireSettings("url", c.URL, "user", c.User, "password", string(c.Password))
}

// Open implements ingest.Opener.
func (c *Workday) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	password, err := secret.Resolve(ctx, c.Password)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("url: not the address of a report")
	}
	api := &webapi.Client{
		Base: u.Scheme + "://" + u.Host,
		HTTP: env.HTTP,
		Now:  env.Now,
		Log:  env.Log,
		Auth: webapi.Basic{User: c.User, Password: password},
	}
	return []ingest.Stream{{Name: "report", Every: 6 * time.Hour, Source: &report{api, u.EscapedPath()}}}, nil
}

type report struct {
	api  *webapi.Client
	path string
}

// Fetch implements ingest.Source.
func (r *report) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	res, err := r.api.Get(ctx, r.path+"?format=json")
	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Entries []json.RawMessage `json:"Report_Entry"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET " + r.path, Err: err}
	}
	return snapshotPage(cur, "report", res.Body, len(answer.Entries))
}

// BambooHR configures a source of kind bamboohr. It needs the API key of a user who may see
// e-mail addresses, departments, locations and termination dates.
type BambooHR struct {
	BaseURL string     `yaml:"base_url"` // optional; replaces https://COMPANY.bamboohr.com
	Company string     `yaml:"company"`  // the COMPANY in COMPANY.bamboohr.com; required
	Key     secret.Ref `yaml:"key"`      // required
}

// Check implements ingest.Opener.
func (c *BambooHR) Check() error {
	return ingest.RequireSettings("company", c.Company, "key", string(c.Key))
}

// Open implements ingest.Opener.
func (c *BambooHR) Open(ctx context.Context, env ingest.Env) ([]ingest.Stream, error) {
	key, err := secret.Resolve(ctx, c.Key)
	if err != nil {
		return nil, err
	}
	api := &webapi.Client{
		Base: cmp.Or(c.BaseURL, "https://"+c.Company+".bamboohr.com") + "/api/v1",
		HTTP: env.HTTP,
		Now:  env.Now,
		Log:  env.Log,
		Auth: webapi.Basic{User: key.Reveal(), Password: secret.New("x")},
	}
	return []ingest.Stream{{Name: "employees", Every: time.Hour, Parallel: 2, Source: &employees{api}}}, nil
}

// employees lists the employees that changed, and fetches each of them.
type employees struct{ api *webapi.Client }

type changes struct {
	Latest string `json:"latest,omitempty"` // time of the latest change, as in BambooHR's answer
}

const (
	fields        = "displayName,workEmail,department,location,jobTitle,supervisorEmail,hireDate,terminationDate,status"
	changeOverlap = time.Hour
)

// Fetch implements ingest.Source.
func (s *employees) Fetch(ctx context.Context, cur ingest.Cursor) (ingest.Page, error) {
	c, err := ingest.ReadCursor[changes](cur)
	if err != nil {
		return ingest.Page{}, err
	}
	since := time.Unix(0, 0)
	if at, err := time.Parse(time.RFC3339, c.Latest); err == nil {
		since = at.Add(-changeOverlap)
	}

	res, err := s.api.Get(ctx, "/employees/changed?"+url.Values{"since": {since.UTC().Format(time.RFC3339)}}.Encode())
	if err != nil {
		return ingest.Page{}, err
	}
	var answer struct {
		Latest    string `json:"latest"`
		Employees map[string]struct {
			Action  string `json:"action"`
			Changed string `json:"lastChanged"`
		} `json:"employees"`
	}
	if err := json.Unmarshal(res.Body, &answer); err != nil {
		return ingest.Page{}, &webapi.Error{Op: "GET /employees/changed", Err: err}
	}

	page := ingest.Page{}
	for _, id := range slices.Sorted(maps.Keys(answer.Employees)) {
		e := answer.Employees[id]
		if strings.EqualFold(e.Action, "deleted") { // the record, not the person
			continue
		}
		at, err := time.Parse(time.RFC3339, e.Changed)
		if err != nil {
			at = s.api.Clock()
		}
		page.Bodies = append(page.Bodies, ingest.Body{
			ID:   id + " " + e.Changed,
			Name: "employee " + id,
			Open: func(ctx context.Context) (io.ReadCloser, error) { return s.employee(ctx, id, at) },
		})
	}

	c.Latest = cmp.Or(answer.Latest, c.Latest)
	page.Next = ingest.WriteCursor(c)
	return page, nil
}

// employee fetches an employee and adds the time of the change, from which on a termination
// date is known.
func (s *employees) employee(ctx context.Context, id string, changed time.Time) (io.ReadCloser, error) {
	res, err := s.api.Get(ctx, "/employees/"+url.PathEscape(id)+"?fields="+fields)
	if webapi.Status(err) == 404 {
		return nil, &ingest.Gap{Reason: "employee " + id + " is gone"}
	}
	if err != nil {
		return nil, err
	}
	var e map[string]any
	if err := json.Unmarshal(res.Body, &e); err != nil {
		return nil, &webapi.Error{Op: "GET /employees", Err: err}
	}
	e["lastChanged"] = changed.UTC().Format(time.DateOnly)
	b, err := json.Marshal(e)
	return io.NopCloser(bytes.NewReader(b)), err
}

// CSV configures a source of kind hr_csv: a file with columns of any name that is replaced from
// time to time. For files with the columns of docs/sources/hr.md, use a source of kind files.
type CSV struct {
	Path    string            `yaml:"path"`    // of the file; required
	Columns map[string]string `yaml:"columns"` // the file's columns by Outflow's names, at least email; required
	Dates   string            `yaml:"dates"`   // format of dates, such as DD.MM.YYYY; default YYYY-MM-DD
}

// Files are the files that the settings name, by the setting.
func (c *CSV) Files() map[string]string { return map[string]string{"path": c.Path} }

// named are Outflow's names of the columns.
var named = []string{
	"email", "display_name", "department", "location", "job_title", "manager", "aliases", "status",
	"notice_date", "last_day", "termination_date",
}

// Check implements ingest.Opener.
func (c *CSV) Check() error {
	for name := range c.Columns {
		if !slices.Contains(named, name) {
			return fmt.Errorf("columns: %q: %s", name, strings.Join(named, ", "))
		}
	}
	return ingest.RequireSettings("path", c.Path, "columns: email", c.Columns["email"])
}

// Open implements ingest.Opener.
func (c *CSV) Open(context.Context, ingest.Env) ([]ingest.Stream, error) {
	layout := strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02").Replace(cmp.Or(c.Dates, "YYYY-MM-DD"))
	return []ingest.Stream{{Name: "file", Every: time.Minute, Source: &mapped{c, layout}}}, nil
}

type mapped struct {
	conf   *CSV
	layout string
}

// Fetch implements ingest.Source.
func (m *mapped) Fetch(_ context.Context, cur ingest.Cursor) (ingest.Page, error) {
	b, err := os.ReadFile(m.conf.Path)
	if err != nil {
		return ingest.Page{}, err
	}
	body, rows, err := m.convert(b)
	if err != nil {
		return ingest.Page{}, fmt.Errorf("%s: %w", m.conf.Path, err)
	}
	return snapshotPage(cur, m.conf.Path, body, rows)
}

// convert rewrites the file with the columns and dates of docs/sources/hr.md, and returns the
// number of its rows.
func (m *mapped) convert(b []byte) (body []byte, rows int, err error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = -1
	r.Comma = delimiter(b)
	header, err := r.Read()
	if err != nil {
		return nil, 0, err
	}
	place, err := m.conf.places(header)
	if err != nil {
		return nil, 0, err
	}

	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Write(append([]string{"employee_id"}, named...))
	for ; ; rows++ {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, err // names the line
		}
		w.Write(m.row(cells, place))
	}
	w.Flush()
	return out.Bytes(), rows, nil
}

// delimiter returns the most frequent of comma, semicolon and tab in the first line.
func delimiter(b []byte) rune {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(head, []byte{c}) > bytes.Count(head, []byte{best}) {
			best = c
		}
	}
	return rune(best)
}

// places returns the positions in the file of the columns in named; -1 for unmapped ones.
func (c *CSV) places(header []string) ([]int, error) {
	at := map[string]int{}
	for i, h := range header {
		at[plain.Column(h)] = i
	}
	place := make([]int, len(named))
	for i, name := range named {
		place[i] = -1
		if col := c.Columns[name]; col != "" {
			k, known := at[plain.Column(col)]
			if !known {
				return nil, fmt.Errorf("it has no column %q", col)
			}
			place[i] = k
		}
	}
	return place, nil
}

// row returns a row of the file with an empty employee id and the columns in named.
func (m *mapped) row(cells []string, place []int) []string {
	row := make([]string, 1, len(named)+1)
	for i, name := range named {
		v := ""
		if k := place[i]; k >= 0 && k < len(cells) {
			v = strings.TrimSpace(cells[k])
		}
		if strings.HasSuffix(name, "_date") || name == "last_day" {
			if day, err := time.Parse(m.layout, v); err == nil {
				v = day.Format(time.DateOnly)
			}
		}
		row = append(row, v)
	}
	return row
}
