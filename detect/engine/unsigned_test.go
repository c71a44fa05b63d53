package engine

import (
	"testing"

	"github.com/outflow/outflow/internal/finding"
)

// TestIdle checks that days on which a person did nothing, but others used a link without a
// sign-in, teach nothing about the person but that.
func TestIdle(t *testing.T) {
	after := func(lines ...string) *person {
		s := &scenario{t: t}
		for _, l := range append(lines, "2 09:00 p1 view x5 source=box place=Kit item=a", "9 09:00 p1 view x5 source=box place=Kit item=a") {
			s.line(l)
		}
		s.sort()
		e := newEngine(Config{}, func(*finding.Finding) error { return nil })
		feed(t, e, s.events)
		return e.find(address("p1"))
	}
	without, with := after(), after("4-7 12:00 p1 download x20 source=box place=Kit item=b kind=anonymous")
	if with.Active != without.Active || with.HourN != without.HourN || with.Last != without.Last || with.Active == 0 {
		t.Errorf("active days %v, hours %v, last %v; want %v, %v, %v",
			with.Active, with.HourN, with.Last, without.Active, without.HourN, without.Last)
	}
	j := testCatalog.index["unsigned_takes"]
	if with.Sum[j] < 20 || without.Sum[j] != 0 {
		t.Errorf("usual downloads without a sign-in: %v, %v", with.Sum[j], without.Sum[j])
	}
}
