package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// alertIn returns the id of an alert, or its beginning, that a text gives: as it is, or at the end of a link to its page.
func alertIn(text string) string {
	text = strings.TrimSpace(text)
	if _, path, link := strings.Cut(text, "/alerts/"); link {
		text, _, _ = strings.Cut(path, "?")
		text, _, _ = strings.Cut(text, "#")
	}
	return strings.ToLower(strings.Trim(text, "/"))
}

// checkDuplicate completes the id that a decision about some alerts gives of the alert that reports the same. It is needed
// to close an alert as a duplicate; with another status there is none. Its error is one for the reader.
func (s *Server) checkDuplicate(ctx context.Context, t *Triage, who *reader, ids ...string) error {
	if t.Status != Duplicate {
		t.DuplicateOf = ""
		return nil
	}
	of := alertIn(t.DuplicateOf)
	if of == "" {
		return refuse(http.StatusBadRequest, "a duplicate needs the ID of the alert that reports the same")
	}
	full := ""
	if len(of) >= 6 && isHex(of) {
		var err error
		if full, err = s.idOf(ctx, of, who); err != nil {
			return err
		}
	}
	if full == "" {
		return refuse(http.StatusBadRequest, "duplicate of: no alert, or more than one, has the ID %s", of)
	}
	t.DuplicateOf = full
	for range 100 { // an alert that is itself a duplicate of one of these would lead in a circle
		if slices.Contains(ids, full) {
			if full == t.DuplicateOf {
				return refuse(http.StatusBadRequest, "an alert is no duplicate of itself: choose another one")
			}
			return refuse(http.StatusBadRequest, "that alert is closed as a duplicate of this one")
		}
		standing, err := s.Store.LatestDecisions(ctx, full)
		if err != nil {
			return err
		}
		if full = standing[full].DuplicateOf; full == "" {
			return nil
		}
	}
	return nil
}

// duplicateError says what the alert that a form gives as the original lacks; "" if it lacks nothing.
func (s *Server) duplicateError(ctx context.Context, t *Triage, who *reader, ids ...string) (string, error) {
	err := s.checkDuplicate(ctx, t, who, ids...)
	if e := (*refusal)(nil); errors.As(err, &e) {
		return sentenceOf(e.text), nil
	}
	return "", err
}

// DuplicatesOf returns the ids of the alerts that are closed as duplicates of an alert.
func (s *Store) DuplicatesOf(ctx context.Context, alert string) (ids []string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT alert FROM triage t WHERE duplicate_of = ? AND duplicate_of <> '' "+
		"AND NOT EXISTS (SELECT 1 FROM triage later WHERE later.alert = t.alert AND later.seq > t.seq) ORDER BY seq LIMIT 100", alert)
	if err != nil {
		return nil, fmt.Errorf("feed: list duplicates: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("feed: list duplicates: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// addDuplicates adds the alert that this one is a duplicate of, and those that are duplicates of it.
func (s *Server) addDuplicates(ctx context.Context, v *alertView, id string, who *reader) error {
	ids, err := s.Store.DuplicatesOf(ctx, id)
	if err != nil {
		return err
	}
	of := ""
	if v.Item.Triage != nil {
		of = who.mask.RealID(v.Item.Triage.DuplicateOf)
	}
	if of == "" && len(ids) == 0 {
		return nil
	}
	current, err := s.Alerts.Current(ctx, append(slices.Clone(ids), of)...)
	if err != nil {
		return err
	}
	named := func(id string) *linkedAlert {
		c, known := current[id]
		if !known {
			return nil
		}
		a := who.mask.Alert(&c.Alert)
		return &linkedAlert{a.ID, a.Short(), a.Title}
	}
	v.DuplicateOf = named(of)
	for _, id := range ids {
		if a := named(id); a != nil {
			v.Duplicates = append(v.Duplicates, *a)
		}
	}
	return nil
}

// linkedAlert is another alert that a page names.
type linkedAlert struct{ ID, Short, Title string }
