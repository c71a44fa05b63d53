package detectors

import (
	"github.com/outflow/outflow/internal/finding"

	"github.com/outflow/outflow/detect"
)

// namesLeftOut is outsiders who make more names than are kept (I06): by failed sign-ins, or
// by opening what is shared with anyone.
var namesLeftOut = &detect.Detector{
	Name: "names_left_out", Title: "Too many unknown names", Techniques: []string{"T1110.003"},
	Traits: finding.AboutData, Mechanism: detect.NamesLeftOut,
}
