package batch

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/detect/detectors"
	"github.com/outflow/outflow/detect/engine"
	"github.com/outflow/outflow/internal/plain"
)

// usual is how much is known of what is usual, and so which counts could be scored.
type usual struct {
	reports.Usual
	From        time.Time          `json:"from,omitzero"` // when enough came to be known in this run; zero if it was before, or is not
	ServiceDays float64            `json:"service_days"`  // of service accounts
	Sources     map[string]float64 `json:"sources"`       // person-days with something of a source, those long ago less
}

// newUsual is what an engine knows after some days.
func newUsual(k engine.Knowledge, days float64) usual {
	u := usual{
		Usual:       reports.Usual{Any: true, PersonDays: k.PersonDays, Needed: engine.Enough, Judged: k.PersonDays >= engine.Enough},
		ServiceDays: k.ServiceDays,
		Sources:     k.Sources,
	}
	if k.From > 0 {
		u.From = time.UnixMilli(k.From).UTC()
	}
	if days >= 1 {
		u.PerDay = k.PersonDays / days
	}
	return u
}

// Unscored says what is not scored yet, and why; "" if everything is.
func (u *usual) Unscored() string {
	lacking := u.Lacking()
	switch {
	case lacking == "" && u.From.IsZero():
		return ""
	case lacking == "":
		return fmt.Sprintf("Counts were scored against the baselines of this organisation from %s UTC on: "+
			"there were fewer than %.0f user-days before.", u.From.Format("2006-01-02 15:04"), u.Needed)
	}
	return strings.ToUpper(lacking[:1]) + lacking[1:] + ". Until then, they are compared with the first days of other " +
		"organisations."
}

// Print says how much is known, and of which sources.
func (u *usual) Print(w io.Writer) {
	if s := u.Unscored(); s != "" {
		fmt.Fprintln(w, s)
	}
	if u.Judged {
		return
	}
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(u.Sources)) {
		parts = append(parts, fmt.Sprintf("%s %.0f", s, u.Sources[s]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(w, "  Days of people by source: %s\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(w, "  Not scored against baselines yet: %s\n", strings.Join(Counting(), ", "))
}

// Counting lists the detectors that have to know what is usual.
func Counting() (names []string) {
	var drift []string
	for _, d := range detectors.All {
		switch {
		case d.Counts():
			names = append(names, d.Name)
		case d.Mechanism == detect.SlowDrift:
			drift = append(drift, d.Name)
		}
	}
	return append(names, drift...)
}

// UsualKept is how much a data directory knows of what is usual; nil where nothing is kept
// that says so.
func UsualKept(ctx context.Context, dir string) (*reports.Usual, error) {
	path := filepath.Join(dir, "alerts.db")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	alerts, err := alert.OpenStoreReadOnly(ctx, path)
	if err != nil {
		return nil, err
	}
	defer alerts.Close()
	u, err := UsualOf(ctx, alerts)
	if err != nil || !u.Any {
		return nil, err
	}
	return &u, nil
}

// UsualOf is how much was known of what is usual when the latest days were scored.
func UsualOf(ctx context.Context, alerts *alert.Store) (reports.Usual, error) {
	k, err := alerts.Known(ctx)
	return reports.Usual{
		Any:        k.Any,
		PersonDays: k.PersonDays,
		Needed:     engine.Enough,
		PerDay:     k.PerDay,
		Judged:     k.PersonDays >= engine.Enough,
	}, err
}

// PrintUsual says in a line how much is known of what is usual.
func PrintUsual(w io.Writer, u *reports.Usual) error {
	if u == nil {
		_, err := fmt.Fprintln(w, "\nNo day has been scored yet, or nothing is kept that says how much is known.")
		return err
	}
	if lacking := u.Lacking(); lacking != "" {
		_, err := fmt.Fprintf(w, "\n%s%s.\n", strings.ToUpper(lacking[:1]), lacking[1:])
		return err
	}
	_, err := fmt.Fprintf(w, "\nCounts are scored against the baselines of this organisation: %s known.\n",
		plain.CountOf(int(u.PersonDays), "user-day is", "user-days are"))
	return err
}
