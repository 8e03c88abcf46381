//go:build !linux

package watch

// Silent returns the name of the file system that a directory is on, if it is known not to send
// events of all changes; here none is.
func Silent(string) string { return "" }
