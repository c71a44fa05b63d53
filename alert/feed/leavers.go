package feed

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"github.com/outflow/outflow/alert/report"
)

// leaver is a row of the page of leavers.
type leaver struct {
	User   string // as the reader sees them
	Review *report.Review
	Name   string // while it is revealed
	Asked  bool   // whether a request for the name waits
}

// freshFor is how long the input of reviews is cached: reading it takes a while.
const freshFor = time.Minute

// input returns the input of reviews, which callers must not change.
func (s *Server) input(ctx context.Context) (*report.Input, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.reports == nil || s.Now().Sub(s.reportsAt) > freshFor {
		in, err := s.Reports(ctx)
		if err != nil {
			return nil, err
		}
		s.reports, s.reportsAt = in, s.Now()
	}
	return s.reports, nil
}

// leaversPage lists the people whom HR lists as leaving, with the results of their reviews, the
// latest last day first.
func (s *Server) leaversPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	in, err := s.input(r.Context())
	if err != nil {
		return err
	}
	v := &view{frame: frame{Title: "Leavers", Who: who.Token, At: "/leavers"}}
	for _, l := range in.Leavers {
		row := leaver{User: who.mask.Name(l.User), Review: report.MakeReview(in, l.User, time.Time{}, time.Time{})}
		row.Review.Mask(who.mask)
		if row.Name, _, err = s.Store.activeReveal(r.Context(), who.Name, row.User, s.Now()); err != nil {
			return err
		}
		waiting, err := s.Store.reveals(r.Context(), "who = ? AND pseudonym = ? AND decided = 0", who.Name, row.User)
		if err != nil {
			return err
		}
		row.Asked = len(waiting) > 0
		v.Leavers = append(v.Leavers, row)
	}
	slices.SortFunc(v.Leavers, func(a, b leaver) int {
		until := func(l leaver) time.Time { return cmp.Or(l.Review.LastDay, l.Review.Notice) }
		return cmp.Or(until(b).Compare(until(a)), cmp.Compare(a.User, b.User))
	})
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "looked at the list of leavers"); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "leavers.html", v)
}

// leaverNamed returns the user behind a pseudonym, if HR lists them as leaving.
func (s *Server) leaverNamed(ctx context.Context, who *reader, pseudonym string) (string, error) {
	in, err := s.input(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(in.Leavers, func(l report.Leaver) bool { return who.mask.Name(l.User) == pseudonym })
	if i < 0 {
		return "", refuse(http.StatusNotFound, "nobody of this name is in the list of leavers")
	}
	return in.Leavers[i].User, nil
}

// reviewPage serves the review of a leaver, as it is printed. There is none of other people: HR has
// no reason to look at them.
func (s *Server) reviewPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	pseudonym := r.PathValue("user")
	user, err := s.leaverNamed(r.Context(), who, pseudonym)
	if err != nil {
		return err
	}
	in, err := s.input(r.Context())
	if err != nil {
		return err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, "read the review of "+pseudonym); err != nil {
		return err
	}
	review := report.MakeReview(in, user, time.Time{}, time.Time{})
	review.Mask(who.mask)
	var b bytes.Buffer
	if err := review.Write(&b, "html"); err != nil {
		return err
	}
	// The review has its style sheet within it, as it may be saved as a file. Only that one is allowed.
	_, style, _ := bytes.Cut(b.Bytes(), []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'sha256-"+
		base64.StdEncoding.EncodeToString(sum[:])+"'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write(b.Bytes())
	return err
}
