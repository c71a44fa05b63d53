package plain

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a length of time as people write it: 90d, 2w, or as Go writes it, 12h30m.
func ParseDuration(s string) (time.Duration, error) {
	for unit, days := range map[string]float64{"d": 1, "w": 7} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			n, err := strconv.ParseFloat(number, 64)
			if hours := n * days * 24; err == nil && math.Abs(hours) < math.MaxInt64/float64(time.Hour) {
				return time.Duration(hours * float64(time.Hour)), nil
			}
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a duration such as 90d, 12h or 30m", s)
}
