package mapped

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// reader reads the rows of a table.
type reader struct {
	source     event.Source
	actions    map[string]event.Class      // by word
	outcomes   map[string]event.Outcome    // by word
	visibility map[string]event.Visibility // by word
	every      string                      // the action of all rows; "" if there is a column of actions
	class      event.Class                 // of all rows, if there is none
	hasRows    bool                        // there is a column of rows
	hasOutcome bool                        // there is a column of outcomes
}

// taken are the classes of actions by which the content of the object is taken: its size is the
// volume.
var taken = []event.Class{event.Download, event.Sync, event.Export, event.Clone, event.DeviceCopy, event.Print}

// answered are the classes of actions that return rows.
var answered = []event.Class{event.Export, event.Query, event.ReportRun}

// read emits the event of a row.
func (r *reader) read(cell ingest.Cells, out *ingest.Sink) error {
	action, class := r.every, r.class
	if action == "" {
		action = cell("action")
		class = r.actions[ingest.Words(action)]
	}
	if action == "" {
		return ingest.ErrNotThis
	}
	e := out.New(r.source)
	var err error
	if e.Time, err = out.Time("time", cell("time")); err != nil {
		return err
	}
	e.ID, e.Action, e.Class = cell("id"), action, class
	if e.Outcome, err = r.outcome(cell("outcome")); err != nil {
		return err
	}
	r.signIn(e)

	account := out.Account(r.source.String(), cell("user"))
	e.Actor.Account = account
	if ingest.IsEmail(account) {
		e.Actor.Kind = event.Human
	}
	e.Object = event.Object{ID: cell("object_id"), Name: cell("object"), Container: cell("container"), Size: out.Size(cell("size"))}
	if slices.Contains(taken, e.Class) {
		e.Bytes = e.Object.Size
	}
	if r.hasRows {
		e.Rows = out.Rows(cell("rows"))
		if cell("rows") == "" && slices.Contains(answered, e.Class) {
			e.Rows = event.RowsUnknown
		}
	}
	e.After = r.visibility[ingest.Words(cell("visibility"))]
	e.Client = event.Client{
		IP:      ingest.Address(cell("ip")),
		Agent:   cell("user_agent"),
		Country: cell("country"),
		App:     cell("app"),
	}
	r.to(cell("recipient"), out)
	out.Attr(event.AttrRole, cell("role"))
	out.Emit()
	return nil
}

// outcome is what a word for an outcome means. A word that is not declared is an error: a failed
// action must not count as one that took effect.
func (r *reader) outcome(word string) (event.Outcome, error) {
	switch o, known := r.outcomes[ingest.Words(word)]; {
	case !r.hasOutcome:
		return event.Success, nil
	case word == "":
		return event.UnknownOutcome, nil
	case known:
		return o, nil
	}
	return 0, fmt.Errorf("outcome %q is not declared in outcomes of the table", strings.ToValidUTF8(word[:min(len(word), 40)], ""))
}

// signIn makes the class and the outcome of a sign-in agree.
func (r *reader) signIn(e *event.Event) {
	switch {
	case e.Class == event.LoginSuccess && (e.Outcome == event.Failure || e.Outcome == event.Denied):
		e.Class = event.LoginFailure
	case e.Class == event.LoginSuccess && e.Outcome == event.UnknownOutcome:
		e.Class = event.Other
	case e.Class == event.LoginFailure && !r.hasOutcome:
		e.Outcome = event.Failure
	case e.Class == event.LoginFailure && e.Outcome == event.Success:
		e.Outcome = event.UnknownOutcome
	}
}

// to adds the recipients that a cell names: an account, or several separated by semicolons.
// Addresses may be separated by commas, too.
func (r *reader) to(cell string, out *ingest.Sink) {
	sep := ";"
	if !strings.Contains(cell, sep) && strings.Contains(cell, ",") && addresses(cell) {
		sep = ","
	}
	for part := range strings.SplitSeq(cell, sep) {
		out.To(out.Account(r.source.String(), strings.TrimSpace(part)), event.ScopeUnknown)
	}
}

// addresses reports whether a text is a list of addresses separated by commas.
func addresses(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !ingest.IsEmail(part) {
			return false
		}
	}
	return true
}
