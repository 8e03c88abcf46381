//go:build anvilhot

package stack

import (
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Guard runs fn, which runs user code, on a goroutine of its own, and returns
// what it did wrong: that it panicked, that it ended its goroutine, or that it
// was not done after the deadline. In the last case abandon is called, and fn
// may run on. What names the activity, for the diagnostic.
func Guard(
	deadline time.Duration, lines manifest.Lines, what func() string, abandon func(), fn func(),
) *manifest.Diagnostic {
	ended := make(chan *manifest.Diagnostic, 1) // nobody may be there to receive
	id := make(chan int, 1)
	go func() {
		id <- goroutineID()
		done := false
		defer func() {
			if v := recover(); v != nil {
				p := DescribePanic(v).WithLines(lines)
				d := manifest.Diagnose(manifest.CodeRegistration, p.Position, "panic during %s: %s", what(), p.Message)
				d.Detail, d.Frames = "panic: "+p.Message+"\n\n"+p.Stack, p.Frames
				ended <- &d
			} else if !done {
				d := manifest.Diagnose(manifest.CodeRegistration, manifest.Position{},
					"%s ended its goroutine: runtime.Goexit was called", what())
				ended <- &d
			}
		}()
		fn()
		done = true
		ended <- nil
	}()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case d := <-ended:
		return d
	case <-timer.C:
	}
	where, stands := findGoroutine(<-id)
	abandon()
	select {
	case d := <-ended: // at the last moment: then it holds
		if d != nil {
			return d
		}
	default:
	}
	where.Frames = withLines(where.Frames, lines)
	d := hung(deadline, what(), where, stands)
	return &d
}

func hung(deadline time.Duration, what string, where manifest.Goroutine, stands bool) manifest.Diagnostic {
	position := topUser(where.Frames)
	late := fmt.Sprintf("%s was not done after %v", what, deadline)
	if !stands {
		return manifest.Diagnose(manifest.CodeRegistration, position, "%s", late)
	}
	d := manifest.Diagnose(manifest.CodeRegistration, position,
		"%s: it stands here (%s). It ends at its next call of the RouteSink or its Container, "+
			"otherwise it keeps running until the live server restarts", late, where.State)
	d.Frames = fromSource(cutServing(where.Frames))
	d.Detail = fmt.Sprintf("goroutine [%s]\n\n%s", where.State, format(d.Frames))
	return d
}
