package detect

// slowDrip is somebody whose days are each a little above the usual, for long
// (A15). It has no counts of its own: the engine keeps a CUSUM for every metric
// that is marked slow, and adds middling days up.
var slowDrip = &Detector{
	Name: "slow_drip", Title: "Slow drip over many days", Techniques: []string{"T1020", "T1567"},
	Reason: func(*Day) string { return "has taken more than usual day after day" },
}
