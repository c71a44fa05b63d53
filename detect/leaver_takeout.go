package detect

// leaverTakeout is somebody who takes data out between notice and a week after
// the last day (F02). It adds weight where another detector has already spoken.
var leaverTakeout = &Detector{
	Name: "leaver_takeout", Title: "Take-out before leaving", Techniques: []string{"T1530", "T1567"},
	Reason: func(*Day) string { return "is leaving" },
}
