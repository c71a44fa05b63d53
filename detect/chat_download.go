package detect

import "github.com/outflow/outflow/internal/event"

// chatDownload is somebody who downloads many files from conversations (A01).
var chatDownload = &Detector{
	Name: "chat_download", Title: "Bulk download from chat", Techniques: []string{"T1213.005"}, Exfiltration: true,
	Needs: []Need{slackFiles},
	Metrics: []Metric{
		{Name: "chat_downloads", HalfSaturation: 15, Unit: "files", Weight: .6, On: takesFile, Measure: when(func(a *Enriched) bool { return a.First && a.Source == event.Slack })},
	},
	Floor: func(c Counts) bool { return c.N("chat_downloads") >= 10 },
	Reason: func(d *Day) string {
		return "downloaded " + some(d.N("chat_downloads"), "file", "files") + " from conversations" + d.Within()
	},
}
