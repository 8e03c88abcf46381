//go:build race

package harness

// RaceEnabled reports whether the race detector is built in.
const RaceEnabled = true
