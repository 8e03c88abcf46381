// Package testkit is what the tests of several packages have in common. Only tests
// import it.
package testkit

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Buffer is a bytes.Buffer for several goroutines.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write appends p.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Reset empties the buffer.
func (b *Buffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// Until waits for a condition, for limit at most.
func Until(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for tick := time.Millisecond; !ok(); tick = min(2*tick, 100*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(tick)
	}
}

// Program returns the path of a program. Without it the test is skipped, but with CI
// set it fails; install says how to come by it.
func Program(t testing.TB, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not installed: %s", name, install)
	}
	t.Skipf("%s is not installed: %s", name, install)
	return ""
}

var update = flag.Bool("update", false,
	"write what the tests found into the golden files and documents that they compare with")

// Updating reports whether golden files are to be written.
func Updating() bool { return *update }

// Golden compares got with a golden file, or writes that.
func Golden(t testing.TB, file string, got []byte) {
	t.Helper()
	if *update {
		WriteFile(t, file, string(got))
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if it should, run go test -update\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}
