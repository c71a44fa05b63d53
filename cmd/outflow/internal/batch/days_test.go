package batch

import (
	"reflect"
	"testing"

	"github.com/outflow/outflow/internal/finding"
)

// TestKeptDays checks that days come back as they were, in their order, from memory and from the temporary file.
func TestKeptDays(t *testing.T) {
	for _, n := range []int{0, 1, daysAtOnce, 100*daysAtOnce + 3} {
		k := newKeptDays(t.TempDir())
		var want, got []finding.Activity
		for i := range n {
			a := finding.Activity{
				User: "ada@acme.example", End: int64(i), Risk: float64(i) / 7, Sources: []string{"okta"}, Known: 0.1,
				Origins: &finding.Origins{Countries: []string{"NL"}}, Counts: []finding.Amount{{Metric: "downloads", N: 3, Usual: 1.0 / 3}},
			}
			want = append(want, a)
			if err := k.add(&a); err != nil {
				t.Fatal(err)
			}
		}
		for days, err := range k.all() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, days...)
		}
		if _, file := k.file.Size(); !reflect.DeepEqual(got, want) || file > 0 != (n > 10*daysAtOnce) {
			t.Errorf("of %d days %d came back, %d bytes from the file", n, len(got), file)
		}
	}
}
