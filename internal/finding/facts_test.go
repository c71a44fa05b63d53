package finding

import (
	"slices"
	"testing"
)

func TestPick(t *testing.T) {
	f := func(kind FactKind, text string) Fact { return Fact{Kind: kind, Text: text} }
	got := Pick([]Fact{
		f(FactWho, "leaves in 25 days"), f(FactUnusual, "40 exports"), f(FactUnusual, "40 exports"), f(FactUnusual, "12 rows"),
		f(FactUnusual, "3 files"), f(FactBefore, "14 failed sign-ins"),
	})
	want := []Fact{
		f(FactUnusual, "40 exports"), f(FactUnusual, "12 rows"), f(FactWho, "leaves in 25 days"), f(FactBefore, "14 failed sign-ins"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if Pick(nil) != nil {
		t.Error("facts out of none")
	}
}
