package finding

// Receipt is everything a score rests on, so that it can be computed again. It
// comes with one of the findings of a moment. docs/scoring.md has the formulas.
type Receipt struct {
	Model  int     `json:"model"`  // version of the formulas
	At     int64   `json:"at"`     // Unix milliseconds
	Start  int64   `json:"start"`  // of the person's day
	Days   float64 `json:"days"`   // active days that the person's own usual day rests on, those long ago less
	Known  float64 `json:"known"`  // person-days of anybody that were known here, those long ago less
	Busier float64 `json:"busier"` // how much more harmless work than usual the person does today: a factor on all expectations

	Counts  []Count     `json:"counts,omitempty"`
	Facts   []Noticed   `json:"facts,omitempty"`
	Rules   []RuleMatch `json:"rules,omitempty"`
	Counted []string    `json:"counted,omitempty"` // detectors whose counts are above their absolute floor

	Shift       float64 `json:"shift,omitempty"`        // points of a lasting shift of rates
	Breach      float64 `json:"breach,omitempty"`       // points of a suspicion about the account within 24 hours before
	Right       float64 `json:"right,omitempty"`        // points of a right that was given to the person within 48 hours before
	Leaver      bool    `json:"leaver,omitempty"`       // leaving adds to the score
	LeaverShare float64 `json:"leaver_share,omitempty"` // share of people who are leaving
	Own         float64 `json:"own"`                    // usual score of the person
	Today       float64 `json:"today"`                  // score of the day before what is usual is taken off
	Risk        float64 `json:"risk"`
}

// Count is a number of things that was judged.
type Count struct {
	Detector       string  `json:"detector"`
	Metric         string  `json:"metric"`
	Unit           string  `json:"unit"`
	Window         string  `json:"window"` // "24 h" is the person's day so far
	Total          float64 `json:"total"`  // in Unit
	Judged         float64 `json:"judged"` // Total, or its square root for rows and bytes
	Own            float64 `json:"own"`    // usual for the person, drawn towards the peers; on the scale of Judged, as what follows
	Peers          float64 `json:"peers"`
	Organisation   float64 `json:"organisation"`
	Colleagues     float64 `json:"colleagues"` // how much more the colleagues do today: a factor on the expectation
	Dispersion     float64 `json:"dispersion"` // of the negative binomial distribution
	Surprise       float64 `json:"surprise"`   // −log₁₀ of the probability of so many or more
	Before         Before  `json:"before"`
	Rarity         float64 `json:"rarity"` // −ln of how often anybody's surprise was as large
	Floor          float64 `json:"floor"`  // rarity from which it speaks
	Weight         float64 `json:"harm"`
	HalfSaturation float64 `json:"half"`
	Density        float64 `json:"density"` // 1 where it came in one burst, less where it is spread over the day
	Points         float64 `json:"points"`
}

// Before is how surprises at a metric were distributed until then, over everybody.
type Before struct {
	Days    float64 `json:"days,omitempty"`     // person-days, those long ago less; 0 if there were too few
	AtLeast float64 `json:"at_least,omitempty"` // of them, those at least as surprising
	Level   float64 `json:"level,omitempty"`    // above which an exponential tail is fitted
	Above   float64 `json:"above,omitempty"`    // person-days above it
	Excess  float64 `json:"excess,omitempty"`   // their mean excess
	// Where there were too few days: the judged count that one of 10,000 person-days of
	// other organisations reaches, and how fast larger ones become rarer (the exponent of a
	// Pareto tail). A smaller count does not speak.
	Rare  float64 `json:"rare,omitempty"`
	Falls float64 `json:"falls,omitempty"`
}

// RuleMatch is a rule of the organisation's own that matched.
type RuleMatch struct {
	Rule   string  `json:"rule"` // its id
	Title  string  `json:"title"`
	Level  int     `json:"level"` // 0 informational … 4 critical
	Seen   float64 `json:"seen"`  // on how many days of people it matched before, those long ago less
	Days   float64 `json:"days"`  // of how many
	Points float64 `json:"points"`
}

// Noticed is a fact that holds.
type Noticed struct {
	Detector string  `json:"detector"`
	Fact     string  `json:"fact"`
	Weight   float64 `json:"weight"`
	Seen     float64 `json:"seen"` // on how many days of people it held before, those long ago less
	Days     float64 `json:"days"` // of how many
	Points   float64 `json:"points"`
}
