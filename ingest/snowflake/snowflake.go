// Package snowflake decodes rows of Snowflake's account usage views (queries, sign-ins and
// grants), and is their source. Facts about the format: docs/sources/snowflake.md.
package snowflake

import (
	"cmp"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/jsonscan"
)

// Formats are the JSON shapes of Snowflake's rows, with the views' column names as keys.
var Formats = []*ingest.Format{
	{
		Name:   "snowflake_query",
		Match:  either("QUERY_ID", "QUERY_TYPE"),
		Decode: decoder(query),
	},
	{
		Name:   "snowflake_login",
		Match:  either("EVENT_ID", "IS_SUCCESS"),
		Decode: decoder(login),
	},
	{
		Name:   "snowflake_grant",
		Match:  either("GRANTEE_NAME", "ROLE", "CREATED_ON"),
		Decode: decoder(grant),
	},
	{
		Name:   "snowflake_access",
		Match:  either("QUERY_ID", "QUERY_START_TIME", "DIRECT_OBJECTS_ACCESSED"),
		Decode: decoder(access),
	},
}

// either matches rows with some columns, in capitals or in small letters: drivers and pipelines
// write both.
func either(columns ...string) func(ingest.Keys) bool {
	small := make([]string, len(columns))
	for i, c := range columns {
		small[i] = strings.ToLower(c)
	}
	return func(k ingest.Keys) bool { return k.Has(columns...) || k.Has(small...) }
}

// Tables are the delimited shapes of the same rows.
var Tables = []*ingest.Table{
	{
		Name:  "snowflake_query_csv",
		Match: func(h ingest.Header) bool { return h.Has("queryid", "querytype") },
		Bind:  binder(query),
	},
	{
		Name:  "snowflake_login_csv",
		Match: func(h ingest.Header) bool { return h.Has("eventid", "issuccess", "eventtimestamp") },
		Bind:  binder(login),
	},
	{
		Name:  "snowflake_grant_csv",
		Match: func(h ingest.Header) bool { return h.Has("granteename", "role", "createdon") },
		Bind:  binder(grant),
	},
	{
		Name:  "snowflake_access_csv",
		Match: func(h ingest.Header) bool { return h.Has("queryid", "querystarttime", "directobjectsaccessed") },
		Bind:  binder(access),
	},
}

// The columns that are read.
const (
	queryID = iota
	queryType
	queryText
	sessionID
	userName
	userEmail
	roleName
	databaseName
	schemaName
	status
	errorCode
	errorMessage
	startTime
	endTime
	rowsProduced
	rowsUnloaded
	bytesToResult
	bytesOut
	eventID
	eventTime
	eventType
	clientIP
	clientType
	clientVersion
	secondFactor
	success
	createdOn
	deletedOn
	grantedRole
	granteeName
	grantedBy
	queryStart
	accessed
	columnCount
)

var names = [columnCount]string{
	"QUERY_ID", "QUERY_TYPE", "QUERY_TEXT", "SESSION_ID", "USER_NAME", "USER_EMAIL", "ROLE_NAME",
	"DATABASE_NAME", "SCHEMA_NAME", "EXECUTION_STATUS", "ERROR_CODE", "ERROR_MESSAGE",
	"START_TIME", "END_TIME", "ROWS_PRODUCED", "ROWS_UNLOADED", "BYTES_WRITTEN_TO_RESULT",
	"OUTBOUND_DATA_TRANSFER_BYTES", "EVENT_ID", "EVENT_TIMESTAMP", "EVENT_TYPE", "CLIENT_IP",
	"REPORTED_CLIENT_TYPE", "REPORTED_CLIENT_VERSION",
	"SECOND_AUTHENTICATION_FACTOR", "IS_SUCCESS", "CREATED_ON", "DELETED_ON", "ROLE", "GRANTEE_NAME", "GRANTED_BY",
	"QUERY_START_TIME", "DIRECT_OBJECTS_ACCESSED",
}

// row holds the cells of a row by column.
type row [columnCount]string

var byName = func() map[string]int {
	m := map[string]int{}
	for i, n := range names {
		m[n], m[strings.ToLower(n)] = i, i
	}
	return m
}()

func decoder(read func(*row, *ingest.Sink) error) func(*jsonscan.Scanner, *ingest.Sink) error {
	return func(s *jsonscan.Scanner, out *ingest.Sink) error {
		var r row
		if !s.Object() {
			return ingest.ErrNotThis
		}
		for s.Next() {
			if i, known := byName[string(s.Key)]; known && i == accessed && s.Kind() == '[' {
				r[i] = ingest.View(s.Raw())
			} else if known && s.Kind() != 'n' {
				r[i] = s.Text()
			} else {
				s.Skip()
			}
		}
		if err := s.Err(); err != nil {
			return err
		}
		return read(&r, out)
	}
}

func binder(read func(*row, *ingest.Sink) error) func(ingest.Header) func([][]byte, *ingest.Sink) error {
	return func(h ingest.Header) func([][]byte, *ingest.Sink) error {
		var at [columnCount]int
		for i, n := range names {
			at[i] = h.Index(strings.ToLower(strings.ReplaceAll(n, "_", "")))
		}
		return func(cells [][]byte, out *ingest.Sink) error {
			var r row
			for i, c := range at {
				if c >= 0 && c < len(cells) {
					r[i] = out.Copy(string(cells[c]))
				}
			}
			return read(&r, out)
		}
	}
}

// actor returns the user, by e-mail address if the row has one, and by name.
func (r *row) actor(out *ingest.Sink) event.Actor {
	a := event.Actor{Account: out.Account("snowflake", cmp.Or(r[userEmail], r[userName])), Kind: event.Human}
	if ingest.IsEmail(r[userEmail]) && r[userName] != "" && !strings.EqualFold(r[userEmail], r[userName]) {
		a.Alias = out.Account("snowflake", r[userName])
	}
	if a.Account == "" || r[userName] == "SYSTEM" {
		a.Kind = event.System
	}
	return a
}

// login decodes a row of LOGIN_HISTORY.
func login(r *row, out *ingest.Sink) error {
	if r[eventID] == "" || r[success] == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("EVENT_TIMESTAMP", r[eventTime])
	if err != nil {
		return err
	}
	e := out.New(event.Snowflake)
	e.Time, e.ID, e.Action, e.Class, e.Actor = at, r[eventID], cmp.Or(r[eventType], "LOGIN"), event.LoginSuccess, r.actor(out)
	e.Key = ingest.Hash("snowflake_login", r[eventID])
	e.Client = event.Client{
		IP:    ingest.Address(r[clientIP]),
		Agent: strings.TrimSpace(out.Join(r[clientType], " ", r[clientVersion])),
	}
	if !strings.EqualFold(r[success], "YES") && !strings.EqualFold(r[success], "true") {
		reason := strings.TrimSpace(out.Join(r[errorCode], " ", r[errorMessage]))
		ingest.SignInFailed(e, reason, "390100", "incorrectusername", "incorrectpassword", "extauthninvalid", "390127")
		if strings.Contains(reason, "EXT_AUTHN_DENIED") || r[errorCode] == "390120" { // a push that was refused
			e.Class, e.Outcome = event.MFADenied, event.Failure
		}
		out.Attr(event.AttrReason, reason)
	}
	out.Emit()
	return nil
}

// grant decodes a row of GRANTS_TO_USERS. The statement that granted the role is in the query
// history, with its user; this row is a consequence.
func grant(r *row, out *ingest.Sink) error {
	if r[granteeName] == "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("CREATED_ON", cmp.Or(r[deletedOn], r[createdOn]))
	if err != nil {
		return err
	}
	e := out.New(event.Snowflake)
	e.Time, e.Action, e.Class = at, "GRANT", event.Derived
	if r[deletedOn] != "" {
		e.Action = "REVOKE"
	}
	e.Actor = event.Actor{Account: out.Account("snowflake", r[grantedBy]), Kind: event.System}
	out.To(out.Account("snowflake", r[granteeName]), event.ScopeUnknown)
	out.Attr(event.AttrRole, r[grantedRole])
	out.Emit()
	return nil
}

// access decodes a row of ACCESS_HISTORY: which tables a query read. The query counts in
// QUERY_HISTORY; this row is a consequence.
func access(r *row, out *ingest.Sink) error {
	if r[queryID] == "" || r[queryStart] == "" || r[queryType] != "" {
		return ingest.ErrNotThis
	}
	at, err := out.Time("QUERY_START_TIME", r[queryStart])
	if err != nil {
		return err
	}
	e := out.New(event.Snowflake)
	e.Time, e.ID, e.Action, e.Class, e.Actor = at, r[queryID], "ACCESS", event.Derived, r.actor(out)
	e.Key = ingest.Hash("snowflake_access", r[queryID])
	e.Object = event.Object{Type: "table"}
	var s jsonscan.Scanner
	s.Reset([]byte(r[accessed]))
	if s.Array() {
		for s.Elem() {
			if name := s.Field("objectName"); e.Object.Name == "" {
				e.Object.Name = out.Copy(name)
			}
			e.Items++
		}
	}
	if s.Err() != nil { // a cell that was cut
		e.Object.Name, e.Items = "", 0
	}
	out.Emit()
	return nil
}

// textLimit is how many bytes of a statement are parsed.
const textLimit = 2000

// query decodes a row of QUERY_HISTORY.
func query(r *row, out *ingest.Sink) error {
	if r[queryID] == "" || r[queryType] == "" {
		return ingest.ErrNotThis
	}
	field, text := "END_TIME", r[endTime]
	if text == "" {
		field, text = "START_TIME", r[startTime]
	}
	at, err := out.Time(field, text)
	if err != nil {
		return err
	}
	e := out.New(event.Snowflake)
	e.Time, e.ID, e.Action, e.Actor = at, r[queryID], r[queryType], r.actor(out)
	e.Key = ingest.Hash("snowflake_query", r[queryID])
	e.Client = event.Client{Session: r[sessionID]}
	e.Object = event.Object{Type: "database", Name: r[databaseName], Container: r[schemaName]}
	switch strings.ToUpper(r[status]) {
	case "FAIL", "FAILED_WITH_ERROR", "FAILED_WITH_INCIDENT", "INCIDENT":
		e.Outcome = event.Failure
		out.Attr(event.AttrReason, strings.TrimSpace(out.Join(r[errorCode], " ", r[errorMessage])))
	}

	sql := r[queryText]
	if len(sql) > textLimit {
		sql = sql[:textLimit]
	}
	r.classify(e, words(sql), out)
	out.Emit()
	return nil
}

// statement is a SQL statement as a list of words in capitals.
type statement []string

func (w statement) at(i int) string {
	if i < len(w) {
		return w[i]
	}
	return ""
}

// after returns the word after a sequence of words; "" if there is none.
func (w statement) after(words ...string) string {
	for i := 0; i+len(words) < len(w); i++ {
		if w[i : i+len(words)].is(words...) {
			return strings.Trim(w[i+len(words)], `"';`)
		}
	}
	return ""
}

// is reports whether the statement begins with a sequence of words.
func (w statement) is(words ...string) bool {
	for i, want := range words {
		if w.at(i) != want {
			return false
		}
	}
	return true
}

// has reports whether the statement contains a sequence of words.
func (w statement) has(words ...string) bool {
	for i := range w {
		if w[i:].is(words...) {
			return true
		}
	}
	return false
}

func words(text string) statement {
	return strings.FieldsFunc(strings.ToUpper(text), func(c rune) bool {
		return c <= ' ' || c == '=' || c == '(' || c == ')' || c == ','
	})
}

// administrative are the built-in roles that administer an account.
var administrative = map[string]bool{
	"ACCOUNTADMIN":   true,
	"ORGADMIN":       true,
	"GLOBALORGADMIN": true,
	"SECURITYADMIN":  true,
	"SYSADMIN":       true,
	"USERADMIN":      true,
}

// classify sets the class of a query by its type and, where types say little, by the words
// of its statement.
func (r *row) classify(e *event.Event, w statement, out *ingest.Sink) {
	switch strings.ToUpper(r[queryType]) {
	case "SELECT":
		e.Class, e.Rows, e.Bytes = event.Query, out.Rows(r[rowsProduced]), r.bytes(out)
		out.Attr(event.AttrExecution, r[queryID])
	case "UNLOAD", "COPY":
		r.copyInto(e, w, out)
	case "GET_FILES":
		r.getFiles(e, w, out)
	case "PUT_FILES":
		e.Class = event.Upload
	default:
		w.classify(e, out)
	}
}

// bytes returns how many bytes a query returned or sent out of the account.
func (r *row) bytes(out *ingest.Sink) int64 {
	return max(out.Size(r[bytesToResult]), out.Size(r[bytesOut]))
}

// copyInto is COPY INTO: a table is loaded, or unloaded into a stage or a bucket.
func (r *row) copyInto(e *event.Event, w statement, out *ingest.Sink) {
	to := strings.Trim(w.after("COPY", "INTO"), "'")
	unload := to == "" && strings.EqualFold(r[queryType], "UNLOAD")
	if !unload && !strings.HasPrefix(to, "@") && !strings.Contains(to, "://") {
		e.Class = event.Upload
		return
	}
	e.Class, e.Rows, e.Bytes = event.Export, out.Rows(r[rowsUnloaded], r[rowsProduced]), r.bytes(out)
	out.Attr(event.AttrExecution, r[queryID])
	out.Attr(event.AttrTarget, to)
	e.Object.Name = cmp.Or(w.after("FROM", "SELECT", "*", "FROM"), w.after("SELECT", "*", "FROM"), w.after("FROM"), e.Object.Name)
}

// getFiles is GET: files of a stage are downloaded.
func (r *row) getFiles(e *event.Event, w statement, out *ingest.Sink) {
	from := w.after("GET")
	if strings.HasPrefix(from, "@~/WORKSHEET") { // the web interface keeps its worksheets there
		e.Class = event.View
		return
	}
	e.Class, e.Items, e.Bytes = event.Download, max(out.Rows(r[rowsProduced]), 0), r.bytes(out)
	e.Object = event.Object{Type: "stage", Name: from, Container: r[databaseName]}
}

// classify sets the class of a statement by its words.
func (w statement) classify(e *event.Event, out *ingest.Sink) {
	switch {
	case w.has("TO", "SHARE") && w.is("GRANT"), w.is("ALTER", "SHARE") && (w.has("ADD", "ACCOUNTS") || w.has("SET", "ACCOUNTS")):
		e.Class, e.After = event.ShareUser, event.External
		e.Object = event.Object{Type: "share", Name: cmp.Or(w.after("TO", "SHARE"), w.after("ALTER", "SHARE"))}
		if account := w.after("ACCOUNTS"); account != "" {
			out.To(out.Account("snowflake", account), event.ScopeExternal)
		}
	case w.is("CREATE") && w.has("SHARE"):
		e.Class = event.ConfigChange
		e.Object = event.Object{Type: "share", Name: w.after("SHARE")}
	case w.is("GRANT", "ROLE"), w.is("REVOKE", "ROLE"):
		w.role(e, out)
	case w.is("GRANT"):
		e.Class = event.PermissionGrant
		out.Attr(event.AttrPermission, w.at(1))
	case w.is("ALTER", "USER"), w.is("DROP", "USER"), w.is("CREATE", "USER"):
		w.user(e, out)
	case w.has("NETWORK", "POLICY"), w.has("NETWORK_POLICY"), w.has("AUTHENTICATION", "POLICY"), w.has("PASSWORD", "POLICY"),
		w.has("SESSION", "POLICY"):
		w.policy("authentication", e, out)
	case w.has("MASKING", "POLICY"), w.has("ROW", "ACCESS", "POLICY"):
		w.policy("sharing", e, out)
	case w.is("DELETE"), w.is("TRUNCATE"), w.is("DROP"):
		e.Class = event.Delete
	case w.is("INSERT"), w.is("UPDATE"), w.is("MERGE"):
		e.Class = event.Edit
	case w.is("SHOW"), w.is("DESCRIBE"), w.is("DESC"), w.is("LIST"), w.is("LS"):
		e.Class = event.List
	case w.is("CREATE"), w.is("ALTER"), w.is("REVOKE"):
		e.Class = event.ConfigChange
	}
}

// role is GRANT ROLE or REVOKE ROLE.
func (w statement) role(e *event.Event, out *ingest.Sink) {
	role := w.after("ROLE")
	revoke, high := w.is("REVOKE"), administrative[role]
	switch {
	case revoke && high:
		e.Class = event.AdminRevoke
	case revoke:
		e.Class = event.ConfigChange
	case high:
		e.Class = event.AdminGrant
	default:
		e.Class = event.PermissionGrant
	}
	user := cmp.Or(w.after("TO", "USER"), w.after("FROM", "USER"))
	e.Object = event.Object{Type: "user", Name: cmp.Or(user, w.after("TO", "ROLE"))}
	if user != "" {
		out.To(out.Account("snowflake", user), event.ScopeUnknown)
	}
	out.Attr(event.AttrRole, role)
	if role == "ACCOUNTADMIN" || role == "ORGADMIN" || role == "GLOBALORGADMIN" {
		out.Attr(event.AttrGrant, "everything in the account")
	}
}

// user is ALTER USER, DROP USER or CREATE USER.
func (w statement) user(e *event.Event, out *ingest.Sink) {
	user := w.after("USER")
	if user == "IF" {
		user = w.after("EXISTS")
	}
	e.Object = event.Object{Type: "user", Name: user}
	out.To(out.Account("snowflake", user), event.ScopeUnknown)
	switch {
	case w.is("DROP"), w.has("DISABLED", "TRUE"):
		e.Class = event.Offboard
	case w.has("RSA_PUBLIC_KEY"), w.has("RSA_PUBLIC_KEY_2"), w.has("ADD", "PROGRAMMATIC"), w.has("ADD", "PAT"):
		e.Class = event.TokenGrant
		out.Attr(event.AttrAppName, "key pair")
	case w.has("DISABLE_MFA", "TRUE"), w.has("MINS_TO_BYPASS_MFA"), w.has("REMOVE", "MFA"):
		e.Class = event.MFADisabled
	case w.has("UNSET", "NETWORK_POLICY"):
		e.Class = event.ConfigChange
		out.Policy("authentication", "weaker")
	default:
		e.Class = event.ConfigChange
	}
}

// policy is a change to a policy of a kind (event.AttrPolicy).
func (w statement) policy(kind string, e *event.Event, out *ingest.Sink) {
	e.Class = event.ConfigChange
	effect := ""
	if w.is("DROP") || w.has("UNSET") {
		effect = "weaker"
	}
	out.Policy(kind, effect)
}
