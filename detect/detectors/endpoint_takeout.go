package detectors

import (
	"strings"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// endpointTakeout is a user who takes files off a device (A10): to removable media, to websites,
// to a printer. What goes to a domain of the organisation's own is not counted.
var endpointTakeout = &detect.Detector{
	Name: "endpoint_takeout", Title: "Files copied off a device", Techniques: []string{"T1052.001", "T1567.002"},
	Exfiltration: true, Needs: []detect.Need{m365Endpoint},
	Metrics: []detect.Metric{
		{
			Name: "device_removable", HalfSaturation: 10, Unit: "files to removable media", On: offDevice,
			Measure: by(event.ChannelRemovable),
		},
		{Name: "device_web", HalfSaturation: 15, Unit: "files to websites", On: offDevice, Measure: by(event.ChannelWeb)},
		{Name: "device_printed", HalfSaturation: 25, Unit: "files printed", Weight: .7, On: offDevice, Measure: by(event.ChannelPrinter)},
		{
			Name: "device_elsewhere", HalfSaturation: 25, Unit: "files to network shares, remote sessions or Bluetooth", Weight: .7,
			On: offDevice, Measure: by(event.ChannelNetwork, event.ChannelRemote, event.ChannelBluetooth),
		},
		{
			Name: "device_clipboard", HalfSaturation: 60, Unit: "copies to the clipboard", Weight: .4,
			On: offDevice, Measure: by(event.ChannelClipboard),
		},
		{
			Name: "device_sensitive", HalfSaturation: 8, Unit: "sensitive files", On: offDevice,
			Measure: when(func(a *detect.Enriched) bool {
				return leftDevice(a) && a.Sensitive && a.Attr(event.AttrChannel) != event.ChannelClipboard
			}),
		},
		{
			Name: "device_bytes", HalfSaturation: 40, Unit: "bytes", Weight: .6, Scale: detect.RootBytes, On: offDevice,
			Measure: func(a *detect.Enriched) float64 {
				if leftDevice(a) {
					return float64(max(a.Bytes, 0))
				}
				return 0
			},
		},
	},
	Indicators: []detect.Indicator{{
		Name: "device_labelled", Weight: .3, Impact: 2, Once: true, On: offDevice,
		Match: func(a *detect.Enriched) bool { return leftDevice(a) && a.TopLabel },
		Describe: func(a *detect.Enriched) string {
			return "copied " + detect.Quote(a.Object.Name) + ", labelled " + detect.Quote(a.Object.Label) + ", off a device"
		},
	}},
	Floor: func(c detect.Counts) bool {
		return c.N("device_removable") >= 5 || c.N("device_web") >= 5 || c.N("device_printed") >= 10 || c.N("device_elsewhere") >= 15 ||
			c.N("device_clipboard") >= 50 || c.N("device_bytes") >= 200e6
	},
	Reason: func(d *detect.Day) string {
		s := "copied " + detect.List(waysOff(d))
		if t := d.Evidence.Targets; t.Name != "" && t.Share > .5 {
			s += ", mostly to " + detect.Quote(strings.TrimPrefix(t.Name, "@"))
		}
		if b := d.N("device_bytes"); b > 0 {
			s += ", " + detect.Size(b) + " in all"
		}
		if p := d.Evidence.Places; p.Name != "" && p.Share > .5 {
			s += ", from the device " + detect.Quote(p.Name)
		}
		return s + d.Within() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		ways := waysOff(d)
		if len(ways) > 2 {
			ways = append(ways[:2], "elsewhere")
		}
		return "copied " + detect.List(ways) + d.Within()
	},
	Parts: []detect.Part{{"device_sensitive", "sensitive"}},
}

// waysOff lists how many files left the device in which way.
func waysOff(d *detect.Day) (ways []string) {
	for _, w := range []struct{ metric, one, many string }{
		{"device_removable", "file to removable media", "files to removable media"},
		{"device_web", "file to a website", "files to websites"},
		{"device_printed", "file to a printer", "files to printers"},
		{
			"device_elsewhere", "file to a network share, remote session or Bluetooth",
			"files to network shares, remote sessions or Bluetooth",
		},
		{"device_clipboard", "file to the clipboard", "files to the clipboard"},
	} {
		if n := d.N(w.metric); n > 0 {
			ways = append(ways, detect.Amount(n, w.one, w.many))
		}
	}
	return ways
}

var offDevice = []event.Class{event.DeviceCopy}

// leftDevice says whether a file is taken off a device for the first time today, to somewhere
// that is not the organisation's own.
func leftDevice(a *detect.Enriched) bool {
	if !a.First {
		return false
	}
	for i := range a.To {
		if a.To[i].Scope == event.ScopeInternal {
			return false
		}
	}
	return true
}

// by counts the files that are taken off a device by one of some channels.
func by(channels ...string) func(*detect.Enriched) float64 {
	return when(func(a *detect.Enriched) bool {
		channel := a.Attr(event.AttrChannel)
		for _, c := range channels {
			if c == channel {
				return leftDevice(a)
			}
		}
		return false
	})
}
