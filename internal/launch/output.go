package launch

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"time"
)

const (
	// tailSize is how much of a process's output is kept for reports, in bytes.
	tailSize = 64 << 10
	// crashSize is how much of a crash report is kept. The interesting part, the message and the first
	// goroutine, comes first, and a report of all goroutines is longer than tailSize.
	crashSize = 64 << 10
)

// crashStarts begin the report of a Go program that crashes, at the start of a line.
var crashStarts = [][]byte{[]byte("\npanic: "), []byte("\nfatal error: "), []byte("\nSIG")}

// longestStart is the length of the longest of crashStarts, in bytes.
const longestStart = len("\nfatal error: ")

// tail is a writer that keeps the end of what is written to it, and the beginning of the last crash
// report in it. It is safe for concurrent use.
type tail struct {
	mu    sync.Mutex
	end   []byte    // at most 2*tailSize, of which the last tailSize count
	carry []byte    // the end of the last write: what a start of a crash may be split at
	crash []byte    // from the start of the last crash report
	last  time.Time // of the last write
}

func newTail() *tail { return &tail{carry: []byte("\n")} }

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	t.end = append(t.end, p...)
	if len(t.end) > 2*tailSize {
		t.end = slices.Clone(lastBytes(t.end, tailSize))
	}
	text := append(t.carry, p...)
	start := -1
	for _, s := range crashStarts {
		start = max(start, bytes.LastIndex(text, s))
	}
	switch {
	case start >= 0:
		t.crash = slices.Clone(text[start+1:])
	case t.crash != nil:
		t.crash = append(t.crash, p...)
	}
	t.crash = t.crash[:min(len(t.crash), crashSize)]
	t.carry = slices.Clone(lastBytes(text, longestStart-1))
	return len(p), nil
}

// Tail returns the end of the output.
func (t *tail) Tail() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(lastBytes(t.end, tailSize))
}

// Written returns when something was written last.
func (t *tail) Written() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Crash returns the beginning of the last crash report, or "".
func (t *tail) Crash() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.crash)
}

func lastBytes(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// lockedWriter lets several processes write to one writer.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write hides faults of the writer: a process must not be stopped because its output cannot be
// written.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(p)
	return len(p), nil
}
