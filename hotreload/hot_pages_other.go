//go:build anvilhot && !linux

package hotreload

func drop([]addresses) {}
