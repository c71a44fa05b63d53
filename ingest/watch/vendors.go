package watch

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// vendorCounts counts events by vendor (event.Source). Times are Unix milliseconds.
type vendorCounts struct {
	n       [32]int                      // events
	newest  [32]int64                    // time of the newest event; 0 for HR
	arrived *arrivals                    // the delivery so far; nil if lateness is not measured
	latest  [32]int64                    // as newest, without events dated in the future
	lags    [32]ingest.LatenessHistogram // of late events
}

// count counts an event.
func (v *vendorCounts) count(e *event.Event) {
	v.n[e.Source]++
	if e.Source != event.HR {
		v.newest[e.Source] = max(v.newest[e.Source], e.Time)
		if v.arrived == nil {
			return
		}
		if e.Time <= v.arrived.until {
			v.latest[e.Source] = max(v.latest[e.Source], e.Time)
		}
		if before := v.arrived.before[e.Source]; before > 0 {
			v.lags[e.Source].Add(before - e.Time)
		}
	}
}

// newestOf returns the time of the newest event of any vendor; 0 if there is none.
func (v *vendorCounts) newestOf() (at int64) {
	for _, n := range v.newest {
		at = max(at, n)
	}
	return at
}

// add adds the counts of o.
func (v *vendorCounts) add(o *vendorCounts) {
	for i := range o.n {
		v.n[i] += o.n[i]
		v.newest[i], v.latest[i] = max(v.newest[i], o.newest[i]), max(v.latest[i], o.latest[i])
		v.lags[i].Merge(&o.lags[i])
	}
}

// credit adds the counts to those stored for a source.
func (v *vendorCounts) credit(ctx context.Context, tx *sql.Tx, source string) error {
	for _, vendor := range event.Sources() {
		if v.n[vendor] == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx,
			"INSERT INTO vendor (source, vendor, events, newest) VALUES (?, ?, ?, ?) "+
				"ON CONFLICT (source, vendor) DO UPDATE SET events = events + excluded.events, newest = max(newest, excluded.newest)",
			source, vendor.String(), v.n[vendor], v.newest[vendor]); err != nil {
			return err
		}
	}
	return nil
}

// Vendor counts the events of a vendor that were received through a source.
type Vendor struct {
	Source string    `json:"source"` // name of the source
	Vendor string    `json:"vendor"` // name of the vendor (event.Source)
	Events int64     `json:"events"` // since the source was first read
	Newest time.Time `json:"newest"` // time of the newest event; zero for HR
}

// Vendors returns the counts of all vendors, ordered by source and vendor.
func (s *Store) Vendors(ctx context.Context) (list []Vendor, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, vendor, events, newest FROM vendor ORDER BY source, vendor")
	if err != nil {
		return nil, fmt.Errorf("watch: list vendors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v Vendor
		var at int64
		if err := rows.Scan(&v.Source, &v.Vendor, &v.Events, &at); err != nil {
			return nil, fmt.Errorf("watch: list vendors: %w", err)
		}
		if at > 0 {
			v.Newest = time.UnixMilli(at).UTC()
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
