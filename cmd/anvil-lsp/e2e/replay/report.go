package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Outcome is what came of a commit.
type Outcome string

// Outcomes.
const (
	HotSwap Outcome = "hot swap"
	Restart Outcome = "restart"
	Kept    Outcome = "kept"    // the old code serves
	Nothing Outcome = "nothing" // that is built has changed
	Skipped Outcome = "skipped" // git cannot pick it
)

// Commit is what came of one.
type Commit struct {
	Commit    string        `json:"commit"`
	Subject   string        `json:"subject"`
	Time      time.Time     `json:"time,omitzero"` // when it was checked out
	Outcome   Outcome       `json:"outcome"`
	Predicted string        `json:"predicted,omitempty"` // the rung
	Wrong     bool          `json:"wrong,omitempty"`
	Builds    int           `json:"builds,omitempty"`
	Rebuilt   int           `json:"rebuilt,omitempty"`
	Duration  time.Duration `json:"took_ns,omitempty"`
	Link      string        `json:"link,omitempty"` // of a hot swap
	Exits     int           `json:"exits,omitempty"`
	Panics    int           `json:"panics,omitempty"`
	Says      string        `json:"says,omitempty"`
}

// String is the commit on one line, with what is to be said about it below.
func (c *Commit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %6d ms  %s %.60s", c.Outcome, c.Duration.Milliseconds(), c.Commit, c.Subject)
	if c.Link != "" && c.Link != "thin" {
		fmt.Fprintf(&b, "\n    linked %s", c.Link)
	}
	if c.Exits > 0 {
		fmt.Fprintf(&b, "\n    the application ended %d times", c.Exits)
	}
	if c.Wrong {
		b.WriteString("\n    WRONG")
	}
	if c.Says != "" {
		b.WriteString("\n    " + strings.ReplaceAll(c.Says, "\n", "\n    "))
	}
	return b.String()
}

// Report is what a run has seen.
type Report struct {
	Dir     string    `json:"dir"`
	Commits []*Commit `json:"commits"`
	Load    *Load     `json:"load,omitempty"`
}

func (r *Report) wrong() int {
	n := 0
	for _, c := range r.Commits {
		if c.Wrong {
			n++
		}
	}
	return n
}

// fault is an error if a request failed, or a prediction was wrong.
func (r *Report) fault() error {
	var errs []error
	if r.Load != nil && r.Load.Failed > 0 {
		errs = append(errs, fmt.Errorf("%d requests failed", r.Load.Failed))
	}
	if n := r.wrong(); n > 0 {
		errs = append(errs, fmt.Errorf("%d predictions were wrong", n))
	}
	return errors.Join(errs...)
}

// write prints the summary.
func (r *Report) write(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d commits\n", r.Dir, len(r.Commits))
	thin, swaps := 0, 0
	for _, outcome := range []Outcome{HotSwap, Restart, Kept, Nothing, Skipped} {
		var took []time.Duration
		for _, c := range r.Commits {
			if c.Outcome == outcome {
				took = append(took, c.Duration)
			}
			if c.Outcome == outcome && outcome == HotSwap {
				swaps++
				if c.Link == "thin" {
					thin++
				}
			}
		}
		if len(took) > 0 {
			slices.Sort(took)
			fmt.Fprintf(w, "  %3d %-8s  median %d ms, slowest %d ms\n", len(took), outcome, took[len(took)/2].Milliseconds(),
				took[len(took)-1].Milliseconds())
		}
	}
	if swaps > 0 {
		fmt.Fprintf(w, "  %d of %d links thin\n", thin, swaps)
	}
	fmt.Fprintf(w, "  %d wrong predictions\n", r.wrong())
	for _, c := range r.Commits {
		if c.Wrong {
			fmt.Fprintf(w, "%s\n", c)
		}
	}
	if l := r.Load; l != nil {
		fmt.Fprintf(w, "requests: %d, %d failed, the longest took %d ms\n", l.Requests, l.Failed, l.Longest.Milliseconds())
		for _, status := range slices.Sorted(maps.Keys(l.Statuses)) {
			fmt.Fprintf(w, "  %7d × %d\n", l.Statuses[status], status)
		}
		for _, f := range l.Failures {
			fmt.Fprintf(w, "  failed: %s %s: %s\n", f.Time.Format("15:04:05.000"), f.Path, f.Says)
		}
	}
	return nil
}
