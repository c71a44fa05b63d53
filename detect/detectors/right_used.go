package detectors

import (
	"slices"

	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// rightUsed is a user who gives themselves the right to a site, a drive or somebody's mailbox, and reads there
// what they had never opened: the use of just that right.
var rightUsed = &detect.Detector{
	Name: "right_used", Title: "Self-granted access, then used", Techniques: []string{"T1098.002", "T1213", "T1114.002"},
	Exfiltration: true,
	Needs:        append(slices.Clone(fileStores), m365MailReads),
	Metrics: []detect.Metric{
		{
			Name: "files_through_right", HalfSaturation: 8, Unit: "files", On: usesRight,
			Measure: when(func(a *detect.Enriched) bool { return a.Through && a.Fresh }),
		},
		{
			Name: "sensitive_files_through_right", HalfSaturation: 5, Weight: .6, Unit: "sensitive files", On: usesRight,
			Measure: when(func(a *detect.Enriched) bool { return a.Through && a.Fresh && a.Sensitive }),
		},
		{
			Name: "mails_through_right", HalfSaturation: 30, Unit: "emails", On: readsMail,
			Measure: func(a *detect.Enriched) float64 {
				if !a.Through {
					return 0
				}
				return messages(a)
			},
		},
	},
	Floor: func(c detect.Counts) bool {
		return c.N("files_through_right") >= 3 || c.N("mails_through_right") >= 5
	},
	Reason: func(d *detect.Day) string {
		return "read " + throughRight(d, " never opened before") + d.Where() +
			", with access that they had given themselves within three days" + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		return "read " + throughRight(d, "") + d.From() + " with access that they had given themselves"
	},
	Parts: []detect.Part{{"sensitive_files_through_right", "sensitive"}},
}

// throughRight says how much was read; about files it adds a remark.
func throughRight(d *detect.Day, remark string) string {
	var what []string
	if n := d.N("files_through_right"); n > 0 {
		what = append(what, detect.Amount(n, "file", "files")+remark)
	}
	if n := d.N("mails_through_right"); n > 0 {
		what = append(what, detect.Amount(n, "email", "emails"))
	}
	return detect.List(what)
}

var usesRight = []event.Class{event.View, event.Download, event.Sync, event.Copy, event.Print}
