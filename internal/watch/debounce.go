package watch

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"
)

const (
	// few is how many files one save changes at most: the file, perhaps what a formatter or generator
	// writes next to it.
	few = 4
	// holdPoll is how often Hold is asked while a batch waits for nothing else.
	holdPoll = 20 * time.Millisecond
	// holdNotice is how long a batch is held before that is said.
	holdNotice = time.Second
	// quietComplete is how long the events of one save of complete files take.
	quietComplete = 2 * time.Millisecond
)

// change is something relevant that happened.
type change struct {
	files []string
	lost  bool // events were lost
}

// debounce gathers changes into batches until ctx ends or changes is closed, and then closes
// batches. A file that is unfinished is in the middle of a save.
func debounce(
	ctx context.Context, o Options, changes <-chan change, batches chan<- Batch, unfinished func(path string) bool,
) {
	defer close(batches)
	g := burst{Options: o, unfinished: unfinished}
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	var ready *Batch // settled, and not received yet
	for {
		var out chan<- Batch
		var next Batch
		if ready != nil {
			out, next = batches, *ready
		}
		select {
		case <-ctx.Done():
			return
		case out <- next:
			ready = nil
		case c, ok := <-changes:
			if !ok {
				return
			}
			burst := len(g.files) > few
			g.add(c, time.Now())
			if !burst {
				timer.Reset(g.wait(time.Now()))
			}
			// In a burst the timer is not moved for each event; when it fires, wait says how much is left.
		case <-timer.C:
			select { // a change that waits already came before the timer
			case c, ok := <-changes:
				if !ok {
					return
				}
				g.add(c, time.Now())
			default:
			}
			if left := g.wait(time.Now()); left > 0 {
				timer.Reset(left)
				continue
			}
			b := g.finish(time.Now())
			if ready != nil {
				b = merge(*ready, b)
			}
			ready = &b
		}
	}
}

// burst is a batch that has not settled. It knows nothing of the clock: the time goes in.
type burst struct {
	Options
	unfinished func(path string) bool

	files       map[string]struct{}
	lost        bool
	first, last time.Time
	holdSince   time.Time // since when it waits for nothing but Hold; zero: it does not
	freeSince   time.Time // when Hold named nothing any more
	notified    bool      // that it is held
}

func (g *burst) empty() bool { return len(g.files) == 0 && !g.lost }

func (g *burst) add(c change, now time.Time) {
	if g.empty() {
		g.first = now
		g.files = map[string]struct{}{}
	}
	g.last = now
	g.lost = g.lost || c.lost
	for _, f := range c.files {
		g.files[f] = struct{}{}
	}
}

// wait returns how long to wait before asking again, or 0 if the batch has settled. What was held
// begins to settle when it is free: the events of the last files are still on their way then.
func (g *burst) wait(now time.Time) time.Duration {
	last, end := latest(g.last, g.freeSince), latest(g.first, g.freeSince).Add(g.MaxWait)
	settled := earliest(last.Add(g.Quiet), end)
	if !g.lost && len(g.files) > 0 && len(g.files) <= few && g.Complete(slices.Sorted(maps.Keys(g.files))) {
		settled = earliest(last.Add(min(quietComplete, g.Quiet)), end)
	} else if !now.Before(settled) && g.needsMore() {
		settled = earliest(last.Add(g.QuietMany), end)
	}
	if now.Before(settled) {
		return settled.Sub(now)
	}
	if end = g.first.Add(g.MaxHold); now.Before(end) {
		if what := g.Hold(g.first, g.last); what != "" {
			g.hold(what, now)
			return min(holdPoll, end.Sub(now))
		}
		if !g.holdSince.IsZero() {
			g.freeSince, g.holdSince = now, time.Time{}
			return g.wait(now)
		}
	}
	return 0
}

// hold notes that the batch waits for something else.
func (g *burst) hold(what string, now time.Time) {
	if g.holdSince.IsZero() {
		g.holdSince = now
	}
	if !g.notified && now.Sub(g.holdSince) >= holdNotice {
		g.notified = true
		g.Holding(slices.Sorted(maps.Keys(g.files)), what)
	}
}

// needsMore reports whether more changes are likely to follow.
func (g *burst) needsMore() bool {
	if g.lost || len(g.files) > few {
		return true
	}
	for f := range g.files {
		if g.unfinished(f) {
			return true
		}
	}
	return false
}

// finish returns the batch and starts a new one.
func (g *burst) finish(now time.Time) Batch {
	b := Batch{Files: slices.Sorted(maps.Keys(g.files)), First: g.first, End: now, Overflow: g.lost}
	*g = burst{Options: g.Options, unfinished: g.unfinished}
	return b
}

// merge joins two batches; b is the later one.
func merge(a, b Batch) Batch {
	b.Files = append(b.Files, a.Files...)
	slices.Sort(b.Files)
	b.Files = slices.Compact(b.Files)
	b.First = a.First
	b.Overflow = a.Overflow || b.Overflow
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// missingOrEmpty reports a file as it is in the middle of a save: moved away to become the backup,
// or just created.
func missingOrEmpty(path string) bool {
	info, err := os.Lstat(path)
	return err != nil || info.Mode().IsRegular() && info.Size() == 0
}
