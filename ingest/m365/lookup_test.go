package m365

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/outflow/outflow/internal/event"
)

// TestPublishedOperations checks that every operation of Microsoft's list has a class.
func TestPublishedOperations(t *testing.T) {
	list, err := os.ReadFile("testdata/operations.list")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name := range strings.Lines(string(list)) {
		if name = strings.TrimSuffix(name, "\n"); strings.HasPrefix(name, "#") {
			continue
		}
		n++
		if lookup(name).class == event.Other {
			t.Errorf("%q has no class", name)
		}
	}
	if n < 300 {
		t.Errorf("%d operations", n)
	}
}

// TestTables checks that no operation has two meanings, under any spelling.
func TestTables(t *testing.T) {
	seen := map[string]string{}
	for _, table := range tables {
		for name, op := range table {
			key := string(fold(nil, name))
			if before, ok := seen[key]; ok {
				other := lookup(before)
				if other.class != op.class || reflect.ValueOf(other.detail).Pointer() != reflect.ValueOf(op.detail).Pointer() {
					t.Errorf("%q and %q have different meanings", before, name)
				}
			}
			seen[key] = name
		}
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]event.Class{
		"Add member to role.":     event.AdminGrant,
		"add member to role":      event.AdminGrant,
		"ADD-MEMBER-TO-ROLE ":     event.AdminGrant,
		"FileDownloaded":          event.Download,
		"Fil":                     event.Other,
		"":                        event.Other,
		"Файл скачан":             event.Other,
		"Set‑AdminAuditLogConfig": event.ConfigChange,
	} {
		if got := lookup(name).class; got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
