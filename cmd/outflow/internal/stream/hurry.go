package stream

import "time"

// Hurry has processors wait less for more: settle until history that arrives is processed, and open until days that are
// still open are scored. It is for time-lapses, in which history arrives day by day. Call it before workers run.
func Hurry(settle, open time.Duration) { settleQuiet, IdleLong = settle, open }
