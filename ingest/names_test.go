package ingest

import "testing"

func TestNames(t *testing.T) {
	names := NamesOf(map[string]int{"org.add_member": 1, "DATA_EXPORT": 2})
	for name, want := range map[string]int{
		"org.add_member": 1, "Org.Add_Member": 1, "org.add-member.": 1, "org.addMember": 1, "data export": 2, "Data_Export": 2,
		"orgadd_member": 0, "data": 0, "": 0, ".": 0,
	} {
		if got, known := names.Get(name); got != want || known != (want > 0) {
			t.Errorf("%q is %d, %v", name, got, known)
		}
	}
	if n := testing.AllocsPerRun(100, func() { names.Get("Org.Add Member") }); n > 0 {
		t.Errorf("a look-up allocates %v times", n)
	}
}
