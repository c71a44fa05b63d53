package detect

import "github.com/outflow/outflow/internal/event"

// chatDownload is somebody who downloads many files from conversations (A01).
var chatDownload = &Detector{
	Name: "chat_download", Title: "Bulk download from chat", Techniques: []string{"T1213.005"}, Takes: true,
	Metrics: []Metric{
		{Name: "chat_downloads", Half: 15, Unit: "files", Harm: .6, On: takesFile, Measure: when(func(a *Act) bool { return a.First && a.Source == event.Slack })},
	},
	Enough: func(d *Day) bool { return d.n("chat_downloads") >= 10 },
	Reason: func(d *Day) string {
		return "downloaded " + some(d.n("chat_downloads"), "file", "files") + " from conversations" + d.within("chat_download")
	},
}
