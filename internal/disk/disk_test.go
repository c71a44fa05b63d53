package disk_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/outflow/outflow/internal/disk"
)

// TestFree asks for the free space of a folder, and of one that does not exist.
func TestFree(t *testing.T) {
	free, total, err := disk.Free(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || free > total || total == 0 {
		t.Errorf("%d of %d, %v", free, total, err)
	}
	if _, _, err := disk.Free(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("room where nothing is")
	}
}
