//go:build !unix

package hotreload

// closeOnExec has nothing to do: no descriptors are passed.
func closeOnExec(int) {}
