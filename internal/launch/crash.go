package launch

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// ending is how a process ended, and what it had to say about that.
type ending struct {
	state  string // as the system describes it
	crash  string // the report of the Go runtime, if there is one
	output string // the end of what was printed to stderr
	stale  bool   // that is older than the end: it is not about it
}

// fromOutside are the signals that are sent to a process, and of which it dies without a word.
var fromOutside = []string{"killed", "terminated", "hangup", "interrupt", "broken pipe", "alarm clock",
	"stopped (signal)"}

// sent returns the signal that ended the process, if another process sent it.
func (e ending) sent() (signal string, ok bool) {
	signal, ok = strings.CutPrefix(e.state, "signal: ")
	return signal, ok && slices.Contains(fromOutside, signal)
}

// describe makes the finding about a process that ended by itself. The user's code is in dir.
func (e ending) describe(dir string) manifest.Diagnostic {
	signal, sent := e.sent()
	if c, ok := parseCrash(e.crash); ok && !sent && !e.stale {
		d := manifest.Diagnose(manifest.CodeLiveServer, c.position(dir), "the live server crashed: %s",
			visible.Line(c.message))
		d.Detail, d.Frames = c.text, c.frames
		return d
	}
	why := ""
	switch last := lastLine(e.output); {
	case signal == "killed":
		why = ": by somebody, or by the system for want of memory"
	case sent:
	case e.state == "exit status 0":
		why = ": its main returned, or it called os.Exit"
	case last != "" && !e.stale:
		why = ": " + visible.Line(last)
	}
	d := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "the live server ended by itself (%s)%s", e.state,
		why)
	const enough = 4 << 10
	d.Detail = symbol.StripGeneration(strings.ToValidUTF8(string(lastBytes([]byte(e.output), enough)), ""))
	return d
}

// crash is what a Go program prints when it ends by a panic or a fatal error.
type crash struct {
	message string
	text    string           // the message and the goroutine that it happened in
	frames  []manifest.Frame // of that goroutine
}

// parseCrash reads the first goroutine of a crash report.
func parseCrash(report string) (c crash, ok bool) {
	report = symbol.StripGeneration(strings.ToValidUTF8(report, "\uFFFD"))
	report = strings.ReplaceAll(report, "\r\n", "\n")
	at := 0
	for line := range strings.Lines(report) {
		if _, begins := manifest.ParseGoroutine(line); begins {
			break
		}
		at += len(line)
	}
	g, ok := manifest.ParseGoroutine(report[at:])
	if !ok || at == 0 {
		return c, false
	}
	first, _, _ := strings.Cut(report, "\n")
	c.message, _, _ = strings.Cut(first, " [recovered")
	stack, _, _ := strings.Cut(report[at:], "\n\n")
	c.text, c.frames = report[:at]+strings.TrimSuffix(stack, "\n"), g.Frames
	return c, true
}

// position returns where in the user's code it happened: the topmost frame below dir or else the
// topmost one that does not belong to Go, to this tool or to the module cache.
func (c crash) position(dir string) manifest.Position {
	frames := c.frames
	// A deferred function that panics again stands above the panic that is the reason.
	for i, f := range slices.Backward(frames) {
		if f.Function == "panic" {
			frames = slices.Concat(frames[i+1:], frames[:i])
			break
		}
	}
	started := func(f manifest.Frame) bool { return f.Creator }
	frames = slices.Concat(slices.DeleteFunc(slices.Clone(frames), started), keep(frames, started))
	for _, mine := range []func(manifest.Frame) bool{
		func(f manifest.Frame) bool { return inside(dir, f) },
		func(f manifest.Frame) bool { return !foreign(f) },
	} {
		if i := slices.IndexFunc(frames, mine); i >= 0 {
			return frames[i].Position
		}
	}
	return manifest.Position{}
}

func keep(frames []manifest.Frame, ok func(manifest.Frame) bool) []manifest.Frame {
	return slices.DeleteFunc(slices.Clone(frames), func(f manifest.Frame) bool { return !ok(f) })
}

// inside reports code of the workspace.
func inside(dir string, f manifest.Frame) bool {
	return dir != "" && paths.Below(f.File, dir) && !foreign(f)
}

// foreign reports code that the user did not write.
func foreign(f manifest.Frame) bool {
	pkg := f.Package()
	return !filepath.IsAbs(f.File) || // Go's own code, built with -trimpath
		strings.Contains(f.File, "/src/"+pkg+"/") && pkg != "main" || // Go's own code
		f.Foreign()
}

// lastLine returns the last line with text in it, shortened.
func lastLine(output string) string {
	output = strings.TrimSpace(output)
	line := strings.TrimSpace(output[strings.LastIndexByte(output, '\n')+1:])
	const enough = 200
	if r := []rune(strings.ToValidUTF8(line, "")); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return symbol.StripGeneration(strings.ToValidUTF8(line, ""))
}
