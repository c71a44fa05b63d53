package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// mailRead is a user, or an application that acts for them, who reads mail in bulk (A08).
var mailRead = &detect.Detector{
	Name: "mail_read", Title: "Mail read in bulk", Techniques: []string{"T1114.002"}, Exfiltration: true,
	Needs: []detect.Need{m365MailReads},
	Metrics: []detect.Metric{
		{Name: "mails", HalfSaturation: 250, Unit: "emails", Weight: .5, On: readsMail, Measure: messages},
		{
			Name: "mails_burst", HalfSaturation: 250, Unit: "emails within half an hour", Weight: .5, Burst: true, On: readsMail,
			Measure: messages,
		},
		{
			Name: "mails_new_mailbox", History: true, HalfSaturation: 20, Unit: "emails in other people's mailboxes, new to the person",
			On: readsMail, Measure: func(a *detect.Enriched) float64 {
				if a.PlaceAge > 1 || !othersMailbox(a) {
					return 0
				}
				return messages(a)
			},
		},
		{
			Name: "mail_folders", HalfSaturation: 12, Unit: "mail folders", Weight: .7, On: readsMail,
			Measure: when(func(a *detect.Enriched) bool { return a.Object.Folder }),
		},
	},
	Indicators: []detect.Indicator{{
		Name: "mail_read_throttled", Weight: .9, Impact: 2, Once: true, On: readsMail,
		Match: throttled,
		Describe: func(a *detect.Enriched) string {
			return "read so much of the mailbox " + detect.Quote(a.Object.Container) + " that " + a.Source.Title() +
				" stopped recording it: over 1,000 reads in a day"
		},
		Headline: func(a *detect.Enriched) string {
			return "read so much mail that " + a.Source.Title() + " stopped recording it: over 1,000 reads in a day"
		},
	}, {
		Name: "mail_read_throttled_other", Weight: .9, Impact: 3, Once: true, On: readsMail,
		Match: func(a *detect.Enriched) bool { return throttled(a) && othersMailbox(a) },
	}},
	Floor: func(c detect.Counts) bool {
		return c.N("mails") >= 100 || c.N("mails_new_mailbox") >= 10 || c.N("mail_folders") >= 10
	},
	Reason:   func(d *detect.Day) string { return mailsRead(d, " of unknown size") + d.Where() + d.OfWhich() },
	Headline: func(d *detect.Day) string { return mailsRead(d, "") + d.From() + d.Within() },
	Whole:    "mails",
	Parts:    []detect.Part{{"mails_new_mailbox", "in other people's mailboxes, new to them"}},
}

// mailsRead says how much mail was read; about folders it adds a remark.
func mailsRead(d *detect.Day, remark string) string {
	n, folders := d.N("mails"), detect.Amount(d.N("mail_folders"), "mail folder", "mail folders")+remark
	switch {
	case d.N("mail_folders") == 0:
		return "read " + detect.Amount(n, "email", "emails")
	case n == 0:
		return "synchronised " + folders
	}
	return "read " + detect.Amount(n, "email", "emails") + " and synchronised " + folders
}

var readsMail = []event.Class{event.MailRead}

// messages is how many messages a record says were opened.
func messages(a *detect.Enriched) float64 {
	if a.Object.Folder {
		return 0
	}
	return float64(max(a.Items, 1))
}

func throttled(a *detect.Enriched) bool { return a.Attr(event.AttrThrottled) != "" }

// othersMailbox says whether the mailbox is known to be another's.
func othersMailbox(a *detect.Enriched) bool {
	owner := a.Object.Owner
	return owner != "" && owner != a.Person && owner != a.Actor.Account
}
