package config

// roles are the parts of the daemon that may run on machines of their own.
var Roles = []string{"ingest", "detect", "alert", "serve"}
