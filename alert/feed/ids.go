package feed

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// about returns a line of the audit log about an alert, with its id as the reader sees it: what the audit log says can be
// found in the feed, and joins nothing else.
func (who *reader) about(what, id, user string) string {
	line := what + " alert " + who.mask.ID(id)
	if user != "" {
		line += " about " + who.mask.Name(user)
	}
	return line
}

// ids returns ids of alerts as the reader sees them.
func (who *reader) ids(list []string) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = who.mask.ID(id)
	}
	return out
}

// realIDs returns the ids within Outflow of ids that the reader has sent.
func (who *reader) realIDs(list []string) []string {
	out := slices.Clone(list)
	for i, id := range out {
		out[i] = who.mask.RealID(id)
	}
	return out
}

// decisions returns decisions with the ids that the reader sees, and without names in what others wrote.
func (who *reader) decisions(list []Triage) []Triage {
	out := make([]Triage, len(list))
	for i, t := range list {
		t.Alert, t.DuplicateOf = who.mask.ID(t.Alert), who.mask.ID(t.DuplicateOf)
		t.Note = who.mask.Redact(t.Note)
		out[i] = t
	}
	return out
}

// translate replaces the id in the path of a request, which is as the reader sees it, by that within Outflow.
func (who *reader) translate(r *http.Request) {
	if id := r.PathValue("id"); id != "" {
		r.SetPathValue("id", who.mask.RealID(strings.ToLower(id)))
	}
}

// idOf returns the id within Outflow of the alert whose id, as readers see it, begins with a text, if exactly one does; "" otherwise.
func (s *Server) idOf(ctx context.Context, prefix string, who *reader) (string, error) {
	prefix = strings.ToLower(prefix)
	whole := who.mask.RealID(prefix)
	if id, err := s.Alerts.IDOf(ctx, whole); err != nil || id == whole {
		return id, err
	}
	if _, err := s.catchUp(ctx); err != nil {
		return "", err
	}
	list, err := s.Store.texts(ctx, "SELECT alert FROM queue WHERE seen >= ?1 AND seen < ?1 || 'g' LIMIT 2", prefix)
	if err != nil || len(list) != 1 {
		return "", err
	}
	return list[0], nil
}
