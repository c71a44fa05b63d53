//go:build race

package main

// raced says that the race detector is on: tests that judge the same again and again
// skip, because they find no races that others do not, and take ten times as long.
const raced = true
