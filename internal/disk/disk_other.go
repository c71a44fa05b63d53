//go:build !linux && !darwin && !freebsd && !windows

package disk

import "errors"

func room(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
