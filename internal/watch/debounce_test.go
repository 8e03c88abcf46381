package watch

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const ms = time.Millisecond

// debouncing runs debounce in the bubble of a test.
type debouncing struct {
	t       *testing.T
	changes chan change
	batches chan Batch
	start   time.Time
	hold    atomic.Bool
	said    []string    // what was said about holding
	halfway atomic.Bool // every file is in the middle of a save
}

func settleTest(t *testing.T, test func(s *debouncing)) {
	synctest.Test(t, func(t *testing.T) {
		s := &debouncing{t: t, changes: make(chan change), batches: make(chan Batch), start: time.Now()}
		hold := func(first, last time.Time) string {
			if first.After(last) || first.Before(s.start) {
				t.Errorf("asked about changes from %v to %v", first, last)
			}
			if s.hold.Load() {
				return "the others"
			}
			return ""
		}
		holding := func(files []string, what string) {
			s.said = append(s.said, fmt.Sprintf("%v %v: %s", time.Since(s.start), files, what))
		}
		o := Options{Hold: hold, Holding: holding}.withDefaults()
		ctx, cancel := context.WithCancel(t.Context())
		go debounce(ctx, o, s.changes, s.batches, func(string) bool { return s.halfway.Load() })
		test(s)
		cancel()
		if b, ok := <-s.batches; ok {
			t.Errorf("a batch that nobody expects: %+v", b)
		}
	})
}

func (s *debouncing) change(files ...string) { s.changes <- change{files: files} }

// at waits until d after the start.
func (s *debouncing) at(d time.Duration) {
	time.Sleep(time.Until(s.start.Add(d)))
	synctest.Wait()
}

// none fails if there is a batch now.
func (s *debouncing) none() {
	s.t.Helper()
	synctest.Wait()
	select {
	case b := <-s.batches:
		s.t.Errorf("at %v: batch %+v, want none yet", time.Since(s.start), b)
	default:
	}
}

// batch waits for a batch that settled at d.
func (s *debouncing) batch(d time.Duration, files ...string) Batch {
	s.t.Helper()
	b := <-s.batches
	if got := b.End.Sub(s.start); got != d || !slices.Equal(b.Files, files) {
		s.t.Errorf("batch %q settled at %v; want %q at %v", b.Files, got, files, d)
	}
	return b
}

func TestOneSaveSettlesQuickly(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.change("a")
		s.at(6 * ms)
		s.change("b", "a")
		b := s.batch(16*ms, "a", "b")
		if !b.First.Equal(s.start) || b.Overflow {
			t.Errorf("%+v", b)
		}
		s.at(time.Second)
		s.change("c")
		s.batch(1010*ms, "c")
	})
}

func TestManyFilesAreOneBatch(t *testing.T) {
	settleTest(t, func(s *debouncing) { // 300 files in 200 ms
		var want []string
		for i := range 300 {
			s.at(time.Duration(i) * 200 * ms / 300)
			f := fmt.Sprintf("f%03d", i)
			want = append(want, f)
			s.change(f)
		}
		last := 299 * 200 * ms / 300
		s.batch(last+80*ms, want...)
	})
}

func TestPausesInTheMiddleOfManyFiles(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.change("a", "b", "c", "d", "e")
		s.at(70 * ms)
		s.change("f")
		s.batch(150*ms, "a", "b", "c", "d", "e", "f")
	})
}

func TestHalfwaySaveIsGivenTime(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.halfway.Store(true) // moved away to become the backup
		s.change("a")
		s.at(40 * ms)
		s.none()
		s.halfway.Store(false)
		s.change("a")
		s.batch(50*ms, "a")
		s.at(100 * ms)
		s.halfway.Store(true) // deleted for good
		s.change("a")
		s.batch(180*ms, "a")
	})
}

func TestEndlessChangesSettleAtMaxWait(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		for i := range 250 {
			s.at(time.Duration(i) * 8 * ms)
			s.change("a")
		}
		s.none()
		s.batch(2000*ms, "a")
	})
}

func TestHold(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.hold.Store(true)
		s.change("a")
		s.at(3005 * ms) // longer than MaxWait
		s.none()
		s.hold.Store(false)
		s.batch(3020*ms, "a") // the next look is at 3010 ms
		if want := []string{"1.01s [a]: the others"}; !slices.Equal(s.said, want) {
			t.Errorf("said %q, want %q", s.said, want)
		}
		s.change("b") // a batch of its own, which is not held
		s.batch(3030*ms, "b")
	})
}

// TestFilesOnTheirWayWhenTheHoldEnds: git removes its lock right after the last
// file, however long the switch took.
func TestFilesOnTheirWayWhenTheHoldEnds(t *testing.T) {
	for _, took := range []time.Duration{100 * ms, 5 * time.Second} {
		settleTest(t, func(s *debouncing) {
			s.hold.Store(true)
			files := []string{"a", "b", "c", "d", "e"}
			s.change(files...)
			for s.start.Add(took).After(time.Now()) {
				s.change("a")
				s.at(time.Since(s.start) + 50*ms)
			}
			s.at(time.Since(s.start) + 100*ms) // it is held by now
			s.hold.Store(false)
			for _, f := range []string{"f", "g", "h"} {
				s.at(time.Since(s.start) + 70*ms)
				files = append(files, f)
				s.change(f)
			}
			s.batch(time.Since(s.start)+80*ms, files...)
		})
	}
}

// TestHoldAfterHold: a rebase takes the lock once for each commit.
func TestHoldAfterHold(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.hold.Store(true)
		s.change("a")
		s.at(3 * time.Second)
		s.hold.Store(false)
		s.at(3015 * ms)
		s.hold.Store(true)
		s.at(4 * time.Second)
		s.none()
		s.hold.Store(false)
		s.batch(4030*ms, "a") // the next look is at 4020 ms
	})
}

func TestShortHoldIsNotSaid(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.hold.Store(true)
		s.change("a")
		s.at(900 * ms)
		s.hold.Store(false)
		s.batch(920*ms, "a")
		s.hold.Store(true) // the next batch begins to wait anew
		s.change("b")
		s.at(1900 * ms)
		s.hold.Store(false)
		s.batch(1920*ms, "b") // a look at 1910 ms
		if len(s.said) > 0 {
			t.Errorf("said %q", s.said)
		}
	})
}

func TestHoldIsCapped(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.hold.Store(true)
		s.change("a")
		s.batch(time.Minute, "a")
	})
}

func TestHoldWithoutChangesAsksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{Hold: func(_, _ time.Time) string { t.Error("Hold was asked"); return "" }}.withDefaults()
		ctx, cancel := context.WithCancel(t.Context())
		batches := make(chan Batch)
		go debounce(ctx, o, nil, batches, missingOrEmpty)
		time.Sleep(time.Hour)
		cancel()
		<-batches
	})
}

func TestBusyReaderGetsOneMergedBatch(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.change("b")
		s.at(100 * ms)
		s.changes <- change{lost: true}
		s.at(200 * ms)
		s.change("a", "b")
		s.at(300 * ms)
		s.change("c") // still gathering
		b := s.batch(210*ms, "a", "b")
		if !b.First.Equal(s.start) || !b.Overflow {
			t.Errorf("%+v, want everything since the first event", b)
		}
		if b := s.batch(310*ms, "c"); b.Overflow {
			t.Errorf("%+v", b)
		}
	})
}

func TestOverflowAloneIsABatch(t *testing.T) {
	settleTest(t, func(s *debouncing) {
		s.changes <- change{lost: true}
		if b := s.batch(80 * ms); !b.Overflow {
			t.Errorf("%+v", b)
		}
	})
}

func TestDebounceEndsWithItsChanges(t *testing.T) {
	changes, batches := make(chan change), make(chan Batch)
	go debounce(t.Context(), Options{}.withDefaults(), changes, batches, missingOrEmpty)
	close(changes)
	if b, ok := <-batches; ok {
		t.Errorf("batch %+v", b)
	}
}

// TestComplete: files that are known to be complete settle as soon as the events
// of one save are over.
func TestComplete(t *testing.T) {
	now := time.Now()
	for _, complete := range []bool{false, true} {
		g := burst{Options: Options{Complete: func(files []string) bool { return complete && len(files) == 1 }}.withDefaults(), unfinished: func(string) bool { return false }}
		g.add(change{files: []string{"a.go"}}, now)
		want := g.Quiet
		if complete {
			want = quietComplete
		}
		if got := g.wait(now); got != want {
			t.Errorf("complete %t: waits %s, want %s", complete, got, want)
		}
		g.add(change{files: []string{"b.go"}}, now)
		if got := g.wait(now); got != g.Quiet {
			t.Errorf("with another file: waits %s, want %s", got, g.Quiet)
		}
	}
}
