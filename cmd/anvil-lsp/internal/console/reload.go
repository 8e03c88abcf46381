package console

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// What becomes of a save: lines of events that end a build.

const (
	// margin stands where a line has no time: "12:04:31  ".
	margin = "          "
	// maxCause and maxRebuilt bound the lists in one line: a branch switch touches hundreds of files.
	maxCause   = 3
	maxRebuilt = 4
	// progressEvery is how often progress becomes a line where it cannot be rewritten in place.
	progressEvery = 3 * time.Second
	// fileColumns is how wide lines are that go to no terminal.
	fileColumns = 100
)

func (c *Console) clock(ev control.Event) string {
	return ev.Time.In(c.o.Location).Format(time.TimeOnly)
}

func (c *Console) stamp(ev control.Event) string { return c.style.Dim(c.clock(ev)) }

// line writes the one line of an event that led somewhere: what happened, how long it took, which
// files it was for. What was compiled for it follows where there is room; the steps only if the
// user wants to know everything.
func (c *Console) line(b *strings.Builder, ev control.Event, label, what string) {
	total := ""
	if ev.Total > 0 {
		total = c.style.Bold(ev.Total.String())
	}
	head := spaced(c.stamp(ev), c.style.Bold(fmt.Sprintf("gen %d", ev.Generation)), label, total)
	if c.o.Verbose {
		pid := ""
		if ev.PID > 0 {
			pid = fmt.Sprintf("process %d", ev.PID)
		}
		fmt.Fprintln(b, spaced(head, what, c.style.Dim(origin(ev)), c.style.Dim(pid), c.style.Dim(stepList(ev.Steps))))
		return
	}
	fmt.Fprintln(b, c.fitted(head, what, ev))
}

// fitted returns a line with as much of the changed files and of what was compiled for them as the
// width allows.
func (c *Console) fitted(head, what string, ev control.Event) string {
	room := c.columns() - columnsOf(head)
	if what != "" {
		return spaced(head, what)
	}
	cause := fit(ev.Cause, maxCause, room-2)
	line := spaced(head, cause)
	rebuilt := few(shortNames(ev.Rebuilt), maxRebuilt)
	if cause != "" {
		rebuilt = "→ " + rebuilt
	}
	if len(ev.Rebuilt) > 0 && columnsOf(line)+2+columnsOf(rebuilt) < c.columns() {
		line += "  " + c.style.Dim(rebuilt)
	}
	return line
}

// columns is how wide a line may be: the terminal's width, or what people set their logs to.
func (c *Console) columns() int {
	if c.o.Terminal {
		return max(c.o.Width(), 40)
	}
	return fileColumns
}

// fit lists as many of the items as the columns allow, at least the last element of the first one,
// and counts the rest.
func fit(items []string, most, columns int) string {
	for n := min(most, len(items)); n > 0; n-- {
		if list := few(items, n); columnsOf(list) < columns {
			return list
		}
	}
	if len(items) == 0 {
		return ""
	}
	return few(append([]string{path.Base(items[0])}, items[1:]...), 1)
}

// escapes are the colours in a text.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// columnsOf returns how many columns a text takes.
func columnsOf(text string) int { return utf8.RuneCountInString(escapes.ReplaceAllString(text, "")) }

// spaced joins the parts of a line that are there.
func spaced(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  ")
}

// origin says what was changed and what was compiled for it.
func origin(ev control.Event) string {
	cause, rebuilt := few(ev.Cause, maxCause), few(shortNames(ev.Rebuilt), maxRebuilt)
	switch {
	case cause == "":
		return rebuilt
	case rebuilt == "":
		return cause
	}
	return cause + " → " + rebuilt
}

// stepList says how long each step took. Steps of the same name, of several attempts, are added up.
func stepList(steps []control.Step) string {
	var names []string
	total := map[string]time.Duration{}
	for _, s := range steps {
		if _, ok := total[s.Name]; !ok {
			names = append(names, s.Name)
		}
		total[s.Name] += time.Duration(s.Duration)
	}
	var parts []string
	for _, name := range names {
		switch d := total[name]; {
		case d < time.Millisecond/2:
		default:
			parts = append(parts, name+" "+control.Duration(d).String())
		}
	}
	return strings.Join(parts, ", ")
}

// progress shows what a long step is doing: in place on a terminal, otherwise as a line from time
// to time.
func (c *Console) progress(ev control.Event, doing string) {
	what := cmp.Or(c.o.Activity, "building")
	if ev.Kind == control.EventRestarting {
		what = "restarting"
	}
	if elapsed := ev.Time.Sub(c.begun); !c.begun.IsZero() && elapsed >= time.Second {
		what += fmt.Sprintf("  %d s", int(elapsed.Seconds()))
	}
	if doing != "" {
		what += "  " + doing
	}
	if c.o.Terminal {
		c.screen.show(c.style.Dim(clip(margin+what, c.o.Width())))
		return
	}
	if ev.Kind == control.EventProgress && ev.Time.Sub(c.logged) >= progressEvery {
		c.logged = ev.Time
		c.screen.print(c.clock(ev) + "  " + what + "\n")
	}
}

// paragraph writes text below a line.
func (c *Console) paragraph(b *strings.Builder, text string) {
	if text = strings.TrimSpace(text); text != "" {
		fmt.Fprintf(b, "%s%s\n", margin, indentFollowing(text))
	}
}

// indentFollowing puts all lines but the first behind the margin.
func indentFollowing(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+margin)
}

// few lists the first items and counts the rest.
func few(items []string, most int) string {
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s +%d", strings.Join(items[:most], ", "), len(items)-most)
}

// shortNames returns import paths by their last element, or by the last two where that says too
// little.
func shortNames(paths []string) []string {
	count := map[string]int{}
	for _, p := range paths {
		count[path.Base(p)]++
	}
	out := make([]string, len(paths))
	for i, p := range paths {
		base := path.Base(p)
		if dir := path.Dir(p); dir != "." && (count[base] > 1 || majorVersion(base)) {
			base = path.Base(dir) + "/" + base
		}
		out[i] = base
	}
	slices.Sort(out)
	return out
}

// majorVersion recognises the v2 at the end of an import path.
func majorVersion(s string) bool {
	return len(s) > 1 && s[0] == 'v' && strings.Trim(s[1:], "0123456789") == ""
}
