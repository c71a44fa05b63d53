package finding

// Receipt is everything that a score rests on, so that it can be computed again. One of the
// findings of one time has it. docs/scoring.md has the formulas.
type Receipt struct {
	Model int     `json:"model"` // version of the formulas
	At    int64   `json:"at"`    // time of the score, Unix milliseconds
	Start int64   `json:"start"` // beginning of the person's day, Unix milliseconds
	Days  float64 `json:"days"`  // active days that the person's baseline rests on; old days count less
	Known float64 `json:"known"` // person-days of the organisation; old ones count less
	// How much more harmless work than usual the person does today: a factor on all
	// expectations.
	Busier float64 `json:"busier"`

	Counts  []Count     `json:"counts,omitempty"`  // amounts that were scored
	Facts   []Noticed   `json:"facts,omitempty"`   // indicators that matched
	Rules   []RuleMatch `json:"rules,omitempty"`   // rules of the organisation that matched
	Counted []string    `json:"counted,omitempty"` // detectors with counts above their absolute floor

	Shift  float64 `json:"shift,omitempty"`  // points of a lasting shift of rates
	Breach float64 `json:"breach,omitempty"` // points of a suspected compromise within 24 hours before
	// Points of a right that was granted to the person within 48 hours before.
	Right       float64 `json:"right,omitempty"`
	Leaver      bool    `json:"leaver,omitempty"`       // whether leaving adds to the score
	LeaverShare float64 `json:"leaver_share,omitempty"` // share of people who are leaving, 0 to 1
	Own         float64 `json:"own"`                    // usual score of the person
	Today       float64 `json:"today"`                  // score of the day before Own is subtracted
	// Base is what surprises alone come to: Today less Own.
	Base float64 `json:"base"`
	// The score is Scale × ln(1 + exp(Bias + the sum of Terms + Absent − Offset)), at least Floor. Models
	// before 4 have none of these: there, Base is the score.
	Terms []Term  `json:"terms,omitempty"`
	Bias  float64 `json:"bias,omitempty"`
	// Absent are the log-odds that trees give for features that the day does not have. Models before 5
	// have no trees.
	Absent  float64 `json:"absent,omitempty"`
	Learned string  `json:"learned,omitempty"` // identifies the weights and trees
	Offset  float64 `json:"offset,omitempty"`
	Scale   float64 `json:"scale,omitempty"`
	Floor   float64 `json:"floor,omitempty"` // what rules of the organisation and indicators come to at least
	// Subjects are what a verdict about the alert is counted for.
	Subjects []Subject `json:"subjects,omitempty"`
	// Again is the score of the alert that told of the act before, if the day repeats it: the score is then
	// AgainShare of what follows from Terms, but not less than rules and indicators come to.
	Again      float64 `json:"again,omitempty"`
	AgainShare float64 `json:"again_share,omitempty"`
	// Watchlists that hold, and what they change the score by after Own is subtracted; may be
	// negative.
	Watch       []Watched `json:"watch,omitempty"`
	WatchPoints float64   `json:"watch_points,omitempty"`
	Risk        float64   `json:"risk"` // the score
	// Held is the highest score of the day before, where Risk is hardly higher: it stands. The
	// figures are those of now, because the act has gone on.
	Held float64 `json:"held,omitempty"`
	// Later are the events after it that have lowered the score; the last one says what it is.
	Later []Lowered `json:"later,omitempty"`
}

// LogOdds are what the term adds to the log-odds.
func (t *Term) LogOdds() float64 { return float64(t.Weight*t.Value) + t.Trees }

// Term is a feature of a day in the log-odds that its score is computed from.
type Term struct {
	Feature string  `json:"feature"` // its name; docs/scoring.md explains it
	Value   float64 `json:"value"`
	Weight  float64 `json:"weight"`          // learned; Value × Weight is added to the log-odds
	Trees   float64 `json:"trees,omitempty"` // log-odds that learned trees attribute to it
	// Words say what it means, if it has to do with the circumstances of the day and weighs
	// noticeably.
	Words string `json:"words,omitempty"`
}

// Subject is a detector that has a large part in an alert, and what it saw most of: keys of 16
// hexadecimal digits, "" if there is none. A verdict about the alert is counted for the detector, and
// for the detector in that place, with that application and in that function (the department).
type Subject struct {
	Detector    string `json:"detector"` // its name
	Place       string `json:"place,omitempty"`
	Application string `json:"application,omitempty"`
	Function    string `json:"function,omitempty"`
}

// Count is an amount that was scored.
type Count struct {
	Detector string  `json:"detector"`         // name of the detector
	Metric   string  `json:"metric"`           // name of the metric
	Unit     string  `json:"unit"`             // of Total
	Window   string  `json:"window"`           // length of time; "24 h" is the person's day so far
	Total    float64 `json:"total"`            // in Unit
	Stated   float64 `json:"stated,omitempty"` // the part of Total that logs state, if they do not state all of it: people are told of that
	Part     bool    `json:"part,omitempty"`   // whether they do not
	Judged   float64 `json:"judged"`           // the scored value: Total, or its square root for rows and bytes
	// Usual for the person, drawn towards the peers; on the scale of Judged.
	Own            float64 `json:"own"`
	Peers          float64 `json:"peers"`        // usual for a colleague, on the scale of Judged
	Organisation   float64 `json:"organisation"` // usual in the organisation, on the scale of Judged
	Colleagues     float64 `json:"colleagues"`   // how much more the colleagues do today: a factor on the expectation
	Dispersion     float64 `json:"dispersion"`   // of the negative binomial distribution
	Surprise       float64 `json:"surprise"`     // −log₁₀ of the probability of this amount or more
	Before         Before  `json:"before"`       // earlier surprises at the metric
	Rarity         float64 `json:"rarity"`       // −ln of how often any user's surprise was as large
	Floor          float64 `json:"floor"`        // rarity from which the count contributes
	Weight         float64 `json:"harm"`         // factor of the metric on the points; stored as harm
	HalfSaturation float64 `json:"half"`         // value of Judged at which the points are halved; stored as half
	Density        float64 `json:"density"`      // 1 if it came in one burst, less if it is spread over the day
	Points         float64 `json:"points"`       // contribution to the score
}

// Before is the distribution of earlier surprises at a metric, over all users.
type Before struct {
	Days    float64 `json:"days,omitempty"`     // person-days, old ones count less; 0 if there are too few
	AtLeast float64 `json:"at_least,omitempty"` // of them, those at least as surprising
	Level   float64 `json:"level,omitempty"`    // above which an exponential tail is fitted
	Above   float64 `json:"above,omitempty"`    // person-days above Level
	Excess  float64 `json:"excess,omitempty"`   // their mean excess
	// User-days of the organisation so far, as they were, and those of them that were at least as surprising. It
	// is what is said about how rare a count is; the score does not depend on it.
	SeenOf int64 `json:"seen_of,omitempty"`
	SeenOn int64 `json:"seen_on,omitempty"`
	// With too few days: the scored value that one of 10,000 person-days of other organisations
	// reaches. A smaller one does not contribute.
	Rare float64 `json:"rare,omitempty"`
	// With too few days: how fast larger values become rarer, the exponent of a Pareto tail.
	Falls float64 `json:"falls,omitempty"`
}

// RuleMatch is a rule of the organisation that matched.
type RuleMatch struct {
	Rule   string  `json:"rule"`   // its id
	Title  string  `json:"title"`  // of the rule
	Level  int     `json:"level"`  // from 0 (informational) to 4 (critical)
	Seen   float64 `json:"seen"`   // person-days on which it matched before; old ones count less
	Days   float64 `json:"days"`   // all person-days; old ones count less
	Points float64 `json:"points"` // contribution to the score
	// User-days of the organisation so far, as they were, and those of them on which it matched.
	SeenOf int64 `json:"seen_of,omitempty"`
	SeenOn int64 `json:"seen_on,omitempty"`
}

// Noticed is an indicator that matched.
type Noticed struct {
	Detector string  `json:"detector"`        // name of the detector
	Fact     string  `json:"fact"`            // name of the indicator
	Kind     string  `json:"kind,omitempty"`  // the kind that Seen is of; empty if it is of the indicator
	Weight   float64 `json:"weight"`          // factor of the indicator on the points
	Least    float64 `json:"least,omitempty"` // points that it has at least while it is rare
	Seen     float64 `json:"seen"`            // person-days on which it matched before; old ones count less
	Days     float64 `json:"days"`            // all person-days; old ones count less
	Points   float64 `json:"points"`          // contribution to the score
	// User-days of the organisation so far, as they were, and those of them on which it, or the kind, was seen;
	// SeenOf is 0 if that is not known.
	SeenOf int64 `json:"seen_of,omitempty"`
	SeenOn int64 `json:"seen_on,omitempty"`
}

// Watched is a watchlist that holds for the person's day.
type Watched struct {
	List   string  `json:"list"`           // its name
	Kind   string  `json:"kind"`           // what is on it: person, department, place or application
	Name   string  `json:"name,omitempty"` // of the department, place or application
	Points float64 `json:"points"`         // weight of the list, may be negative
}
