package feed

import (
	"bytes"
	"cmp"
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// compare orders leavers: those who leave next first, then those who have left, the latest first.
func (l *leaver) compare(other *leaver, now time.Time) int {
	until := func(l *leaver) time.Time { return cmp.Or(l.Review.LastDay, l.Review.Notice) }
	a, b := until(l), until(other)
	today := now.UTC().Truncate(24 * time.Hour)
	switch left, otherLeft := a.Before(today), b.Before(today); {
	case left != otherLeft && left:
		return 1
	case left != otherLeft:
		return -1
	case left:
		a, b = b, a
	}
	return cmp.Or(a.Compare(b), cmp.Compare(l.User, other.User))
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

// leaversPage lists the people whom HR lists as leaving, with the results of their reviews: those who leave next
// first, then those who have left, the latest first.
func (s *Server) leaversPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	in, err := s.input(r.Context())
	if err != nil {
		return err
	}
	checks, err := s.Store.Reviewed(r.Context())
	if err != nil {
		return err
	}
	v := &view{frame: frame{Title: "Leavers", Who: who.Token, At: "/leavers"}}
	for _, l := range in.Leavers {
		row := leaver{User: who.mask.Name(l.User), Review: report.MakeReview(in, l.User, time.Time{}, time.Time{})}
		if c, known := checks[strings.ToLower(l.User)]; known {
			row.Review.SetCheck(c)
		}
		row.Review.Mask(who.mask)
		if row.Name, _, err = s.Store.activeReveal(r.Context(), who.Identity(), row.User, s.Now()); err != nil {
			return err
		}
		waiting, err := s.Store.reveals(r.Context(), "identity = ? AND pseudonym = ? AND decided = 0", who.Identity(), row.User)
		if err != nil {
			return err
		}
		row.Asked = len(waiting) > 0
		v.Leavers = append(v.Leavers, row)
	}
	slices.SortFunc(v.Leavers, func(a, b leaver) int { return a.compare(&b, s.Now()) })
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

// reviewStyle serves the style sheet of reviews.
func reviewStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(report.Style())
}

// reviewView is the data of the page of a review.
type reviewView struct {
	frame
	User   string // as the reader sees them
	Name   string // while it is revealed
	Review *report.Review
	Body   template.HTML
}

// Due reports whether nobody has checked the review as it is.
func (v *reviewView) Due() bool { return v.Review.Checked == nil || v.Review.Checked.Changed }

// reviewOf makes the review of the leaver whom a request names, and returns their account. There is none of other people:
// HR has no reason to look at them. What the reader does with it is written to the audit log first.
func (s *Server) reviewOf(r *http.Request, who *reader, does string) (user string, review *report.Review, err error) {
	pseudonym := r.PathValue("user")
	if user, err = s.leaverNamed(r.Context(), who, pseudonym); err != nil {
		return "", nil, err
	}
	in, err := s.input(r.Context())
	if err != nil {
		return "", nil, err
	}
	if err := s.Store.LogAccess(r.Context(), s.Now(), who.Name, who.Role, does+" the review of "+pseudonym); err != nil {
		return "", nil, err
	}
	checks, err := s.Store.Reviewed(r.Context())
	if err != nil {
		return "", nil, err
	}
	review = report.MakeReview(in, user, time.Time{}, time.Time{})
	review.PreparedBy = who.Name
	if c, known := checks[strings.ToLower(user)]; known {
		review.SetCheck(c)
	}
	review.Mask(who.mask)
	return user, review, nil
}

// reviewPage serves the review of a leaver.
func (s *Server) reviewPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	_, review, err := s.reviewOf(r, who, "read")
	if err != nil {
		return err
	}
	v := &reviewView{
		frame:  frame{Title: "Offboarding review: " + review.Title(), Who: who.Token, At: "/leavers"},
		User:   r.PathValue("user"),
		Review: review,
	}
	if v.Name, _, err = s.Store.activeReveal(r.Context(), who.Identity(), v.User, s.Now()); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := review.Body(&b); err != nil {
		return err
	}
	v.Body = template.HTML(b.String()) // of the report's own templates, which escape what they show
	return s.render(w, http.StatusOK, "review.html", v)
}

// reviewFile serves the review of a leaver as a PDF file.
func (s *Server) reviewFile(w http.ResponseWriter, r *http.Request, who *reader) error {
	paper := cmp.Or(r.URL.Query().Get("paper"), report.Papers[0])
	if !slices.Contains(report.Papers, paper) {
		return refuse(http.StatusBadRequest, "paper: %s", strings.Join(report.Papers, ", "))
	}
	_, review, err := s.reviewOf(r, who, "downloaded")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := review.WritePDF(&b, paper); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `attachment; filename="review-`+strings.ToLower(review.Person)+`.pdf"`)
	_, err = w.Write(b.Bytes())
	return err
}

// reviewedPage stores that the reader has checked the review of a leaver.
func (s *Server) reviewedPage(w http.ResponseWriter, r *http.Request, who *reader) error {
	user, review, err := s.reviewOf(r, who, "checked")
	if err != nil {
		return err
	}
	if r.PostFormValue("print") != review.Print() {
		return refuse(http.StatusConflict, "the review has changed since you opened it: read it again")
	}
	if err := s.Store.MarkReviewed(r.Context(), user, who.Name, s.Now(), review); err != nil {
		return err
	}
	http.Redirect(w, r, "/leavers/"+url.PathEscape(r.PathValue("user")), http.StatusSeeOther)
	return nil
}
