package detect

// privilegeTakeout is an administrative right or an application's access, given to
// somebody or taken by them, and data taken out by the same person within 48 hours
// (H04). It has nothing of its own: it adds weight where both have spoken.
var privilegeTakeout = &Detector{
	Name: "privilege_takeout", Title: "Privilege, then take-out", Techniques: []string{"T1098.003", "T1213"},
	Needs:     management,
	Mechanism: AfterPrivilege,
	Reason:    func(*Day) string { return "took data out within two days of a new right" },
}
