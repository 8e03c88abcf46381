//go:build !unix

package lspserver

// processLives reports whether there is a process with this id; here nobody
// knows.
func processLives(int) bool { return true }
