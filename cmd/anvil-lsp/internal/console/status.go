package console

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/plural"
)

// stateLine says in one line where an engine stands.
func stateLine(s paint.Style, st *control.Status) string {
	generation := fmt.Sprintf("generation %d", st.Generation)
	switch st.State {
	case control.StateLive:
		return s.Green("live") + "  " + generation
	case control.StateBuilding, control.StateRestarting:
		if st.Generation == 0 {
			return s.Yellow(string(st.State)) + "  nothing is live yet"
		}
		return s.Yellow(string(st.State)) + "  " + generation + " serves meanwhile"
	case control.StateKept:
		if onlyBreaks(st.Problems) {
			return s.Yellow("kept") + "  " + generation + " keeps serving, the newest code waits for a restart"
		}
		return s.Red("kept") + "  " + generation + " keeps serving, the newest code has errors"
	case control.StateDown:
		return s.Red("down") + "  no live server; requests are answered with the error page"
	}
	return string(st.State) + "  " + generation
}

// Status writes an engine's state for a person; now is what ages are counted from. Of the options
// it heeds Out, Color, Dir and Source.
func Status(o Options, st *control.Status, now time.Time) error {
	st = foreign(st)
	c := New(o)
	s := c.style
	elsewhere := st.Cwd
	if elsewhere == st.Dir {
		elsewhere = "" // as one would think
	}
	rows := [][2]string{
		{"address", s.Link(st.URL)},
		{"directory", st.Dir},
		{"program", st.Main},
		{"runs in", elsewhere},
		{"handlers", st.Handlers},
		{"packages", fmt.Sprintf("%d hot, %d host", len(st.Hot), len(st.Host))},
		{"engine", fmt.Sprintf("%s, process %d, up %s", st.Version, st.PID, age(now.Sub(st.Since)))},
	}
	if l := st.Live; l != nil {
		rows = append(rows, [2]string{"live server", liveLine(l)}, [2]string{"generations", generations(l)},
			[2]string{"refused", refused(l)})
	}
	if st.Waiting != "" {
		rows = append(rows, [2]string{"now", st.Waiting})
	}
	n := st.Counts
	rows = append(rows, [2]string{"so far", fmt.Sprintf("%s, %s, %d refused, %s, %s", plural.Of(n.HotSwaps, "hot swap"),
		plural.Of(n.Restarts, "warm restart"), n.Kept, plural.Of(n.Panics, "handler panic"), plural.Of(n.Crashes, "crash"))},
		[2]string{"edits", fmt.Sprintf("predicted %d, wrong %d", n.Predicted, n.Mispredicted)},
		[2]string{"full links", fullLinks(st)})

	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", stateLine(s, st))
	for _, r := range rows {
		if r[1] != "" {
			fmt.Fprintf(&b, "  %s  %s\n", s.Dim(fmt.Sprintf("%-11s", r[0])), r[1])
		}
	}
	c.fully(&b, st.Problems)
	_, err := io.WriteString(o.Out, b.String())
	return err
}

// fullLinks says how many hot swaps were linked as whole programs, and why the last of them was.
func fullLinks(st *control.Status) string {
	if st.FullLinks == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %s", st.FullLinks, plural.Of(st.Counts.HotSwaps, "hot swap"))
	if st.FullLink != "" {
		text += "; the last because of this: " + st.FullLink
	}
	return text
}

func liveLine(l *control.LiveStatus) string {
	text := fmt.Sprintf("process %d, %s", l.PID, plural.Of(l.Goroutines, "goroutine"))
	if l.RSS > 0 {
		text += fmt.Sprintf(", %.1f MB", float64(l.RSS)/1e6)
	}
	return text
}

// generations lists what can be rolled back to; the live one is marked.
func generations(l *control.LiveStatus) string {
	var out []string
	for _, g := range l.Generations {
		text := strconv.Itoa(g.Number)
		if !g.Retired {
			text = "[" + text + "]"
		}
		if g.Memory > 0 {
			text += fmt.Sprintf(" +%d KB", g.Memory>>10)
		}
		if g.Goroutines > 0 {
			text += fmt.Sprintf(" (%s)", plural.Of(g.Goroutines, "goroutine"))
		}
		if g.InFlight > 0 {
			text += fmt.Sprintf(" (%s)", plural.Of(g.InFlight, "request"))
		}
		out = append(out, text)
	}
	const most = 12
	if n := len(out) - most; n > 0 {
		out = append([]string{fmt.Sprintf("%d earlier …", n)}, out[n:]...)
	}
	return strings.Join(out, " ")
}

// refused lists generations that never went live and have left something running.
func refused(l *control.LiveStatus) string {
	var out []string
	for _, g := range l.Refused {
		out = append(out, fmt.Sprintf("%d (%s)", g.Number, plural.Of(g.Goroutines, "goroutine")))
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, " ") + " run on until a restart"
}

// age writes a duration in its largest units.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
