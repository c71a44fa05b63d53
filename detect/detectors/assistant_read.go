package detectors

import (
	"github.com/outflow/outflow/internal/event"

	"github.com/outflow/outflow/detect"
)

// assistantRead is a user for whom an AI assistant reads much (A18): distinct files, mails and
// messages, each once a day; without web pages.
var assistantRead = &detect.Detector{
	Name: "assistant_read", Title: "Bulk read by an AI assistant", Techniques: []string{"T1213", "T1530"}, Exfiltration: true,
	Weight: .7,
	Needs:  []detect.Need{m365Assistant, anthropicAny, openAIAny},
	Metrics: []detect.Metric{
		{Name: "assistant_items", HalfSaturation: 60, Unit: "items", On: asks, Measure: when(answeredFrom)},
		{
			Name: "assistant_items_burst", HalfSaturation: 60, Unit: "items within half an hour", Burst: true, On: asks,
			Measure: when(answeredFrom),
		},
		{
			Name: "assistant_sensitive", HalfSaturation: 20, Unit: "sensitive items", On: asks,
			Measure: when(func(a *detect.Enriched) bool { return answeredFrom(a) && a.Sensitive }),
		},
		{
			Name: "assistant_new_place", History: true, HalfSaturation: 30, Unit: "items from places new to the person", On: asks,
			Measure: when(func(a *detect.Enriched) bool { return answeredFrom(a) && a.PlaceAge <= 1 }),
		},
	},
	Floor: func(c detect.Counts) bool { return c.N("assistant_items") >= 40 },
	Reason: func(d *detect.Day) string {
		return "an AI assistant read " + detect.Amount(d.N("assistant_items"), "item", "items") + " for them" + d.Where() + d.OfWhich()
	},
	Headline: func(d *detect.Day) string {
		return "an AI assistant read " + detect.Amount(d.N("assistant_items"), "item", "items") + d.From() + d.Within()
	},
	Whole: "assistant_items",
	Parts: []detect.Part{{"assistant_sensitive", "sensitive"}, {"assistant_new_place", "in places new to them"}},
}

// assistantOnly are the types of objects that hold nothing of the organisation's by themselves: the
// conversation, a page of the web, a tool that an assistant used.
var assistantOnly = map[string]bool{"conversation": true, "website": true, "tool": true}

var asks = []event.Class{event.Assistant}

// answeredFrom says whether an assistant read something of the organisation's, for the first time today.
func answeredFrom(a *detect.Enriched) bool {
	return a.First && a.Object.ID != "" && !assistantOnly[a.Object.Type]
}
