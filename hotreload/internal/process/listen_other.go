//go:build !unix

package process

// closeOnExec has nothing to do: no descriptors are passed.
func closeOnExec(int) {}
