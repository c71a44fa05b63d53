package engine

import "github.com/outflow/outflow/internal/finding"

// rareDays is of how many person-days of other organisations one reaches a count of
// rareCounts.
const rareDays = 10_000

// rareCounts are what no organisation calls usual: for a metric, on its scored scale, the
// count that one of 10,000 person-days reaches, and the exponent of the Pareto tail between
// one in 1,000 and one in 10,000, from 1 to 3. The figures are of 66,320 person-days of
// forty generated organisations of 80 people without incidents (docs/scoring.md has the
// command). They speak on the first day of all, when others' surprises say nothing. Metrics that depend on
// what was there before have none: at first everything is new.
var rareCounts = map[string]rareCount{
	"app_downloads":             {280, 1.5},
	"app_downloads_burst":       {250, 1.0},
	"chat_downloads":            {130, 1.9},
	"crm_export_rows":           {490, 2.9},
	"crm_exports":               {44, 1.9},
	"crm_exports_burst":         {26, 2.2},
	"crm_files":                 {43, 2.2},
	"crm_query_rows":            {890, 3.0},
	"deletes":                   {320, 1.3},
	"deletes_burst":             {320, 1.1},
	"downloads":                 {280, 2.3},
	"downloads_burst":           {170, 1.7},
	"downloads_sensitive":       {110, 1.8},
	"downloads_sensitive_burst": {69, 1.5},
	"external_shares":           {59, 1.8},
	"external_shares_burst":     {56, 1.4},
	"external_shares_sensitive": {43, 1.2},
	"object_bytes":              {96, 3.0},
	"object_lists":              {68, 1.9},
	"objects":                   {1400, 1.5},
	"objects_burst":             {910, 1.4},
	"public_links":              {11, 1.8},
	"repositories":              {24, 3.0},
	"repositories_burst":        {24, 2.6},
	"synced":                    {460, 1.5},
}

// unsignedCounts are the same for what is done without a sign-in in places where it was not before.
// In the generated organisations nothing is: these are set, not measured.
var unsignedCounts = map[string]rareCount{
	"unsigned_takes_new":   {25, 1.5},
	"unsigned_deletes_new": {10, 1.5},
}

type rareCount struct{ count, falls float64 }

// before is how surprises at a metric were distributed until now. While too few days are
// known it is what is known of other organisations, for people; service accounts differ too
// much from one another.
func (o *org) before(j int, s float64, service bool) finding.Before {
	cat := o.catalog
	b := finding.Before{}
	if o.Active > 0 || o.prior == nil { // on the first day of all everything is new
		b = o.Tails[j].before(s)
	}
	if b.Days > 0 || service && !cat.metrics[j].unsigned {
		return b
	}
	b.Rare, b.Falls = cat.rare[j].count, cat.rare[j].falls
	return b
}

// speaksAnywhere says whether a scored count is so large that it is reported while little is
// known.
func speaksAnywhere(x float64, b finding.Before) bool {
	return b.Days == 0 && b.Rare > 0 && x >= b.Rare
}

// least is how rare a scored count must be to speak, given the floor of its detector. The
// floor keeps out the many surprises that every day has; a count that speaks anywhere is
// none of these.
func least(floor, x float64, b finding.Before) float64 {
	if speaksAnywhere(x, b) {
		return 0
	}
	return floor
}
