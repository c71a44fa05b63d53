//go:build !linux

package watch

// remote returns "": without notifications, the type of a file system does not matter.
func remote(string) string { return "" }
