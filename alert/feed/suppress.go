package feed

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
)

// backtested is the time before an alert on which a suppression is tried.
const backtested = 90 * 24 * time.Hour

// suggestion is a suppression with the alerts that it would have muted.
type suggestion struct {
	alert.Suppression
	Backtest struct {
		Days   int      `json:"days"`
		Alerts int      `json:"alerts"`      // that it would have muted
		True   int      `json:"closed_true"` // of them, closed as true
		Open   int      `json:"undecided"`   // of them, without a decision
		IDs    []string `json:"ids"`
	} `json:"backtest"`
}

// suggest returns the narrowest suppression for an alert, with its backtest. An alert that
// cannot be suppressed is a refusal.
func (s *Server) suggest(ctx context.Context, a *alert.Alert) (*suggestion, error) {
	p, err := alert.Suggest(a, s.Detectors, s.Now())
	if err != nil {
		return nil, refuse(http.StatusConflict, "%v", err)
	}
	out := &suggestion{Suppression: *p}
	out.Backtest.Days = int(backtested.Hours() / 24)
	list, err := s.Alerts.Suppressed(ctx, p, s.Detectors, a.Time.Add(-backtested), s.Now())
	if err != nil {
		return nil, err
	}

	out.Backtest.Alerts, out.Backtest.IDs = len(list), []string{}
	for i := range list {
		out.Backtest.IDs = append(out.Backtest.IDs, list[i].ID)
	}
	if len(list) == 0 {
		return out, nil
	}

	standing, err := s.Store.LatestDecisions(ctx, out.Backtest.IDs...)
	if err != nil {
		return nil, err
	}
	for _, id := range out.Backtest.IDs {
		switch standing[id].Status {
		case True, BenignTrue:
			out.Backtest.True++
		case False, Duplicate:
		default:
			out.Backtest.Open++
		}
	}

	return out, nil
}

// suggestion answers the narrowest suppression for an alert, with its backtest.
func (s *Server) suggestion(w http.ResponseWriter, r *http.Request, who *reader) error {
	c, _, err := s.latest(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	p, err := s.suggest(r.Context(), &c.Alert)
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role,
		"looked at what suppressing alerts like "+who.mask.ID(c.Alert.ID)+" would do"); err != nil {
		return err
	}
	who.maskSuggestion(p)
	return write(w, http.StatusOK, p)
}

// maskSuggestion gives a suggestion the ids and pseudonyms that the reader sees.
func (who *reader) maskSuggestion(p *suggestion) {
	p.User, p.Alert, p.Backtest.IDs = who.name(p.User), who.mask.ID(p.Alert), who.ids(p.Backtest.IDs)
}

// name returns a user as the reader sees them; "" for "".
func (who *reader) name(user string) string {
	if user == "" {
		return ""
	}
	return who.mask.Name(user)
}

// suppress mutes alerts like one for some days, 30 if days is 0. It returns 0 if that waits for a second person.
func (s *Server) suppress(ctx context.Context, id string, days int, reason string, who *reader) (int64, error) {
	c, _, err := s.latest(ctx, id)
	if err != nil {
		return 0, err
	}
	p, err := s.suggest(ctx, &c.Alert)
	if err != nil {
		return 0, err
	}
	days = cmp.Or(days, 30)
	p.Owner, p.Reason, p.Expires = who.Name, who.mask.Redact(strings.TrimSpace(reason)), p.Made.AddDate(0, 0, days)
	if longer(p.Reason, maxNote) {
		return 0, refuse(http.StatusBadRequest, "a reason has %d characters at most", maxNote)
	}
	first, err := s.second(ctx, &c.Alert, suppressing, strconv.Itoa(days), who)
	if err != nil {
		return 0, err
	}
	if first == nil {
		if err := p.Check(s.Detectors); err != nil {
			return 0, refuse(http.StatusBadRequest, "%v", err)
		}
		return 0, s.wait(ctx, &c.Alert, suppressing, strconv.Itoa(days), who)
	}
	with := ""
	if first.identity != who.Identity() {
		with = ", as " + first.Who + " proposed"
	} else {
		s.tell(&c.Alert, "alerts suppressed", who)
	}
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role,
		fmt.Sprintf("suppressed alerts like %s about %s until %s%s: %s", who.mask.ID(c.Alert.ID), who.name(p.User),
			p.Expires.UTC().Format(time.DateOnly), with, p.Reason)); err != nil {
		return 0, err
	}
	if err := s.Store.dropProposal(ctx, c.Alert.ID, suppressing); err != nil {
		return 0, err
	}
	n, err := s.Alerts.Suppress(ctx, &p.Suppression, s.Detectors)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, "%v", err)
	}
	return n, nil
}

// suppressAlert stores a suppression.
func (s *Server) suppressAlert(w http.ResponseWriter, r *http.Request, who *reader) error {
	var ask struct {
		Alert  string `json:"alert"`
		Days   int    `json:"days"`
		Reason string `json:"reason"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return refuse(http.StatusBadRequest, "the body is not JSON with alert, days and reason")
	}
	id, err := s.suppress(r.Context(), who.mask.RealID(ask.Alert), ask.Days, ask.Reason, who)
	if err != nil {
		return err
	}
	if id == 0 {
		return write(w, http.StatusAccepted, map[string]string{"waits_for": "a second person who suppresses the same for as many days"})
	}
	return write(w, http.StatusOK, map[string]int64{"id": id})
}

// activeSuppression is a suppression with its effect so far.
type activeSuppression struct {
	alert.Suppression
	Holds bool `json:"holds"` // whether it is in force
	Kept  int  `json:"kept"`  // alerts that it muted
	// Titles are the names of its detectors for people; the page has them.
	Titles []string `json:"-"`
}

// activeSuppressions returns all suppressions with their effect, as a reader sees them.
func (s *Server) activeSuppressions(ctx context.Context, who *reader) ([]activeSuppression, error) {
	all, err := s.Alerts.Suppressions(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]activeSuppression, 0, len(all))
	for i := range all {
		p := &all[i]
		kept, err := s.Alerts.Suppressed(ctx, p, s.Detectors, p.Made, p.Until())
		if err != nil {
			return nil, err
		}
		x := activeSuppression{Suppression: *p, Holds: p.InForce(s.Now()), Kept: len(kept)}
		x.User, x.Alert = who.name(p.User), who.mask.ID(p.Alert)
		x.Reason = who.mask.Redact(p.Reason)
		list = append(list, x)
	}
	return list, nil
}

// suppressions answers all suppressions with their effect.
func (s *Server) suppressions(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.activeSuppressions(r.Context(), who)
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "read the suppressions"); err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]any{"suppressions": list})
}

// end ends a suppression early.
func (s *Server) end(ctx context.Context, id string, who *reader) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return refuse(http.StatusNotFound, "there is no such suppression")
	}
	if err := s.Store.LogAccess(ctx, s.Now(), who.Name, who.Role, fmt.Sprintf("ended suppression %d", n)); err != nil {
		return err
	}
	ended, err := s.Alerts.EndSuppression(ctx, n, who.Name, s.Now())
	if err == nil && !ended {
		err = refuse(http.StatusNotFound, "no such suppression holds")
	}
	return err
}

// endSuppression ends a suppression early.
func (s *Server) endSuppression(w http.ResponseWriter, r *http.Request, who *reader) error {
	if err := s.end(r.Context(), r.PathValue("id"), who); err != nil {
		return err
	}
	return write(w, http.StatusOK, map[string]bool{"ended": true})
}

// The pages.

// suppressPage stores a suppression from the page of an alert.
func (s *Server) suppressPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	days, _ := strconv.Atoi(r.PostFormValue("days"))
	id, err := s.suppress(r.Context(), r.PathValue("id"), days, r.PostFormValue("reason"), who)
	if err != nil {
		return err
	}
	to := "/suppressions"
	if id == 0 {
		to = alertURL(r.PathValue("id"), "", "")
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// suppressionsPage serves the list of suppressions.
func (s *Server) suppressionsPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	list, err := s.activeSuppressions(r.Context(), who)
	if err != nil {
		return err
	}
	facets, err := s.Store.facets(r.Context())
	if err != nil {
		return err
	}
	for i := range list {
		for _, d := range list[i].Detectors {
			title := d
			for _, f := range facets["detector"] {
				if f.Name == d {
					title = f.Title
				}
			}
			list[i].Titles = append(list[i].Titles, title)
		}
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at the suppressions"); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "suppressions.html", &view{
		frame: frame{Title: "Suppressions", Who: who.Token, At: "/suppressions"},
		Held:  list,
	})
}

// endPage ends a suppression from that list.
func (s *Server) endPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	if err := s.end(r.Context(), r.PathValue("id"), who); err != nil {
		return err
	}
	http.Redirect(w, r, "/suppressions", http.StatusSeeOther)
	return nil
}

// suggested returns the suppression that the page of an alert suggests after the alert was
// closed as false; nil otherwise.
func (s *Server) suggested(ctx context.Context, a *alert.Alert, history []Triage, who *reader) (*suggestion, error) {
	if n := len(history); n == 0 || history[n-1].Status != False {
		return nil, nil
	}
	p, err := s.suggest(ctx, a)
	if r := (*refusal)(nil); errors.As(err, &r) {
		return nil, nil
	}
	if err == nil {
		who.maskSuggestion(p)
	}
	return p, err
}
