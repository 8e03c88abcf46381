//go:build unix

package launch

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// slowWriter is one that has its turn late.
type slowWriter struct {
	tail
	writing chan struct{} // receives before a write
	turn    chan struct{} // closed when it may go on
}

func (w *slowWriter) Write(b []byte) (int, error) {
	w.writing <- struct{}{}
	<-w.turn
	return w.tail.Write(b)
}

func pipe(t *testing.T) (from, to *os.File) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]*os.File{from, to}) })
	return from, to
}

// TestLastWordsOnABusyMachine: what a process has printed is waited for, longer than
// what its children may print, which keep its output open.
func TestLastWordsOnABusyMachine(t *testing.T) {
	from, to := pipe(t)
	w := &slowWriter{writing: make(chan struct{}, 100), turn: make(chan struct{})}
	p := newPrinting(from, w)
	print := func(text string) {
		t.Helper()
		if _, err := to.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	print("at first\n")
	<-w.writing
	lines := strings.Repeat("as long as the pipe\n", 2000) // more than is read at once
	print(lines + "panic: the end\n")
	time.AfterFunc(2*leftoverOutput, func() { close(w.turn) })
	awaitPrinted(p)
	if got, want := w.Tail(), "at first\n"+lines+"panic: the end\n"; got != want {
		t.Errorf("of %d bytes there are %d", len(want), len(got))
	}
	if got := w.Crash(); got != "panic: the end\n" {
		t.Errorf("the crash is %q", got)
	}
	print("a child goes on\n")
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, time.Minute, "that of the child", func() bool { return strings.HasSuffix(w.Tail(), "a child goes on\n") })
}

// TestNobodyReadsWhatIsPassedOn: the end of a process is noticed all the same.
func TestNobodyReadsWhatIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		awaitPrinted(&printing{complete: make(chan struct{})})
		if took := time.Since(begun); took != leftoverOutput+blockedOutput {
			t.Errorf("after %v", took)
		}
	})
}

// TestEndOfAProcess: its output may tell it before the system does.
func TestEndOfAProcess(t *testing.T) {
	from, to := pipe(t)
	p := newPrinting(from, newTail())
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.complete
	for _, test := range []struct {
		name  string
		later time.Duration
		want  time.Duration
	}{
		{"at once", 0, 0},
		{"sooner", -time.Second, -time.Second},
		{"late", 5 * time.Second, 0},
		{"much later than it closed its output", time.Hour, time.Hour},
	} {
		if got := p.endOf(p.ended.Add(test.later)).Sub(p.ended); got != test.want {
			t.Errorf("noticed %s: it ended after %v, want %v", test.name, got, test.want)
		}
	}
	open := &printing{complete: make(chan struct{})}
	if now := time.Now(); open.endOf(now) != now {
		t.Error("its output has not ended")
	}
}
