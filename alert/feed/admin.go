package feed

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/outflow/outflow/alert"
)

// ChannelName is a channel of the configuration.
type ChannelName struct {
	Name string
	Kind string // such as slack
}

// accessView is the data of the page with the audit log.
type accessView struct {
	frame
	Lines  []Access // the latest first
	Query  string   // only lines that contain it
	Before int64    // number of the line after which the next page goes on; 0 if there is none
	Later  bool     // whether there are later lines than those shown
	Result string   // of checking the chain; "" if that was not asked for
	Broken bool     // whether the chain is broken
}

// accessLines is how many lines of the audit log a page has.
const accessLines = 100

// accessPage serves the audit log, the latest lines first. With check=1 it verifies the chain from its first line.
func (s *Server) accessPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	q := r.URL.Query()
	before, err := strconv.ParseInt(q.Get("before"), 10, 64)
	if q.Get("before") != "" && (err != nil || before < 1) {
		return refuse(http.StatusBadRequest, "before: %q is not the number of a line", q.Get("before"))
	}
	v := &accessView{
		frame: frame{Title: "Audit log", Who: who.Token, At: "/access"},
		Query: strings.TrimSpace(q.Get("q")),
		Later: before > 0,
	}
	did := "looked at the audit log"
	if q.Get("check") == "1" {
		did = "verified the audit log"
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, did); err != nil {
		return err
	}
	if v.Lines, err = s.Store.latestAccesses(r.Context(), before, v.Query, accessLines+1); err != nil {
		return err
	}
	if len(v.Lines) > accessLines {
		v.Lines = v.Lines[:accessLines]
		v.Before = v.Lines[accessLines-1].Seq
	}
	if q.Get("check") == "1" {
		lines, head, err := s.Store.Verify(r.Context())
		if v.Broken = err != nil; v.Broken {
			v.Result = sentenceOf(strings.TrimPrefix(err.Error(), "feed: "))
		} else {
			v.Result = fmt.Sprintf("The chain of %d lines is intact. Its head is %s.", lines, head)
		}
	}
	return s.render(w, http.StatusOK, "access.html", v)
}

// latestAccesses returns at most most lines of the audit log before a line (0: from the end) that contain a text, the
// latest first.
func (s *Store) latestAccesses(ctx context.Context, before int64, text string, most int) ([]Access, error) {
	return s.lines(ctx, "(?1 = 0 OR seq < ?1) AND (?2 = '' OR instr(lower(who || ' ' || role || ' ' || what), ?2) > 0) "+
		"ORDER BY seq DESC LIMIT ?3", before, strings.ToLower(text), most)
}

// healthView is the data of the page with the state of the daemon.
type healthView struct {
	frame
	Health  any
	Known   int // people and service accounts about whom something is stored
	Leavers int // people whom HR lists as leaving
	Watched int // entries of watchlists that hold, which name a person
	Unseen  int // of them, those that match no account that has been seen
}

// healthPage serves the state of the daemon, and how many people it knows.
func (s *Server) healthPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	v := &healthView{frame: frame{Title: "Health", Who: who.Token, At: "/health"}, Health: s.Health()}
	known, err := s.directory(r.Context(), who)
	if err != nil {
		return err
	}
	v.Known = known.Len()
	leavers, err := s.Alerts.Leavers(r.Context())
	if err != nil {
		return err
	}
	v.Leavers = len(leavers)
	lists, err := s.allWatchlists(r.Context())
	if err != nil {
		return err
	}
	for i := range lists {
		if l := &lists[i]; !l.Ended(s.Now()) {
			v.Watched += len(l.Members)
			v.Unseen += len(l.Unknown())
		}
	}
	return s.render(w, http.StatusOK, "health.html", v)
}

// tokensView is the data of the page with the tokens.
type tokensView struct {
	frame
	Tokens  []Token // those that hold, the latest first
	Ended   int     // expired and revoked tokens
	Revoked string  // name of whose tokens were just revoked
}

// tokensPage lists the tokens that hold.
func (s *Server) tokensPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	all, err := s.Store.Tokens(r.Context())
	if err != nil {
		return err
	}
	v := &tokensView{frame: frame{Title: "Tokens", Who: who.Token, At: "/tokens"}, Revoked: r.URL.Query().Get("revoked")}
	for _, t := range slices.Backward(all) {
		if t.Revoked || !s.Now().Before(t.Expires) {
			v.Ended++
			continue
		}
		v.Tokens = append(v.Tokens, t)
	}
	return s.render(w, http.StatusOK, "tokens.html", v)
}

// revokePage revokes the tokens of a name.
func (s *Server) revokePage(w http.ResponseWriter, r *http.Request, who *reader) error {
	name := r.PostFormValue("name")
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "revoked the tokens of "+name); err != nil {
		return err
	}
	n, err := s.Store.Revoke(r.Context(), name)
	if err != nil {
		return err
	}
	if n == 0 {
		return refuse(http.StatusNotFound, "there is no token of that name")
	}
	http.Redirect(w, r, "/tokens", http.StatusSeeOther)
	return nil
}

// channelRow is a channel with what became of its messages.
type channelRow struct {
	ChannelName
	alert.ChannelState
}

// channelsView is the data of the page with the channels.
type channelsView struct {
	frame
	Channels []channelRow
	Unsent   []alert.Unsent
}

// channelsPage lists the channels, and what could not be sent through them. It shows nothing of the alerts.
func (s *Server) channelsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	states, err := s.Alerts.ChannelStates(r.Context())
	if err != nil {
		return err
	}
	v := &channelsView{frame: frame{Title: "Channels", Who: who.Token, At: "/channels"}}
	if s.Channels != nil {
		for _, c := range s.Channels() {
			v.Channels = append(v.Channels, channelRow{c, states[c.Name]})
		}
	}
	if v.Unsent, err = s.Alerts.Unsent(r.Context()); err != nil {
		return err
	}
	v.Unsent = v.Unsent[:min(len(v.Unsent), accessLines)]
	return s.render(w, http.StatusOK, "channels.html", v)
}
