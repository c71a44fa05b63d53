package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// chatDownload is a user who downloads many files from conversations (A01).
var chatDownload = &detect.Detector{
	Name: "chat_download", Title: "Bulk download from chat", Techniques: []string{"T1213.005"}, Exfiltration: true,
	Needs: []detect.Need{slackFiles, googleChat},
	Metrics: []detect.Metric{
		{
			Name: "chat_downloads", HalfSaturation: 15, Unit: "files", Weight: .6, On: takesFile,
			Measure: when(func(a *detect.Enriched) bool { return a.First && (a.Source == event.Slack || a.InConversation()) }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("chat_downloads") >= 10 },
	Reason: func(d *detect.Day) string {
		return "downloaded " + detect.Amount(d.N("chat_downloads"), "file", "files") + " from conversations" + d.In()
	},
	Headline: func(d *detect.Day) string {
		return "downloaded " + detect.Amount(d.N("chat_downloads"), "file", "files") + d.From() + " conversations" + d.Within()
	},
}
