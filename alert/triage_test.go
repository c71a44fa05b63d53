package alert

import "testing"

// TestTriageMasked checks that readers under pseudonyms learn what was decided, not by whom, and that a decision
// makes another message.
func TestTriageMasked(t *testing.T) {
	a := Sample(at(0))
	before := a.Key()
	a.Triage = &Triage{Number: 2, Status: TriageResolved, Verdict: VerdictFalse, Assignee: "kim", By: "lee", At: at(5)}
	masked := NewMask([]byte("k"), "soc", nil).Alert(&a)
	if got := *masked.Triage; got != (Triage{Number: 2, Status: TriageResolved, Verdict: VerdictFalse, At: at(5)}) {
		t.Errorf("%+v", got)
	}
	if a.Triage.By != "lee" {
		t.Error("the alert itself was changed")
	}
	if a.Key() == before || a.Key() != before+".2" {
		t.Errorf("%q after %q", a.Key(), before)
	}
}
