package watch

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"time"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// vendorCounts counts events by vendor (event.Source). Times are Unix milliseconds.
type vendorCounts struct {
	n       [32]int                      // events
	classes [32]classSet                 // that occurred
	newest  [32]int64                    // time of the newest event; 0 for HR
	arrived *arrivals                    // the delivery so far; nil if lateness is not measured
	latest  [32]int64                    // as newest, without events dated in the future
	lags    [32]ingest.LatenessHistogram // of late events
}

// classSet is a set of classes of events: a bit each.
type classSet [4]uint64

func (s *classSet) add(c event.Class) { s[c>>6] |= 1 << (c & 63) }

// count counts an event. A labelled object shows that labels arrive, as their changes do.
func (v *vendorCounts) count(e *event.Event) {
	v.n[e.Source]++
	v.classes[e.Source].add(e.Class)
	if e.Object.Label != "" {
		v.classes[e.Source].add(event.LabelChange)
	}
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

// add adds the counts of o.
func (v *vendorCounts) add(o *vendorCounts) {
	for i := range o.n {
		v.n[i] += o.n[i]
		v.newest[i], v.latest[i] = max(v.newest[i], o.newest[i]), max(v.latest[i], o.latest[i])
		v.lags[i].Merge(&o.lags[i])
		for j, set := range o.classes[i] {
			v.classes[i][j] |= set
		}
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
		if err := v.classes[vendor].credit(ctx, tx, vendor); err != nil {
			return err
		}
	}
	return nil
}

// credit adds the classes to those stored for a vendor.
func (s *classSet) credit(ctx context.Context, tx *sql.Tx, vendor event.Source) error {
	for i, set := range s {
		for ; set != 0; set &= set - 1 {
			class := event.Class(64*i + bits.TrailingZeros64(set))
			if _, err := tx.ExecContext(ctx, "INSERT INTO class (vendor, class, first) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
				vendor.String(), class.String(), time.Now().UnixMilli()); err != nil {
				return err
			}
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
	// Lag is how much older than what had come before 99 % of its events are at most, in a usual delivery; below 0 if
	// that is not known yet.
	Lag time.Duration `json:"-"`
}

// Vendors returns the counts of all vendors, ordered by source and vendor.
func (s *Store) Vendors(ctx context.Context) (list []Vendor, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT source, vendor, events, newest, iif(deliveries >= ?, lag, -1) "+
		"FROM vendor ORDER BY source, vendor", learnFirst)
	if err != nil {
		return nil, fmt.Errorf("watch: list vendors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v Vendor
		var at int64
		var lag float64
		if err := rows.Scan(&v.Source, &v.Vendor, &v.Events, &at, &lag); err != nil {
			return nil, fmt.Errorf("watch: list vendors: %w", err)
		}
		v.Lag = time.Duration(lag) * time.Millisecond
		if at > 0 {
			v.Newest = time.UnixMilli(at).UTC()
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// Arrival is a kind of action that has come of a vendor.
type Arrival struct {
	Vendor event.Source
	Class  event.Class
	First  time.Time // when the first one was stored, or counting began
}

// Classes returns which kinds of action have come since counting began, by vendor.
func (s *Store) Classes(ctx context.Context) (list []Arrival, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT vendor, class, first FROM class ORDER BY vendor, class")
	if err != nil {
		return nil, fmt.Errorf("watch: list classes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var vendor, class string
		var first int64
		if err := rows.Scan(&vendor, &class, &first); err != nil {
			return nil, fmt.Errorf("watch: list classes: %w", err)
		}
		c, known := event.ClassNamed(class)
		if v := event.SourceNamed(vendor); v != event.NoSource && known {
			list = append(list, Arrival{v, c, time.UnixMilli(first).UTC()})
		}
	}
	return list, rows.Err()
}
