// Package e2e holds the tests that drive the real binary on copies of the
// sample applications, as a user does: edit a file, save, ask the server.
package e2e
