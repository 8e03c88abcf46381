package launch

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// ending is how a process ended, and what it had to say about that.
type ending struct {
	state  string // as the system describes it
	crash  string // the report of the Go runtime, if there is one
	output string // the end of what was printed to stderr
	stale  bool   // that is older than the end: it is not about it
}

// fromOutside are the signals that are sent to a process, and of which it dies
// without a word.
var fromOutside = []string{"killed", "terminated", "hangup", "interrupt", "broken pipe", "alarm clock", "stopped (signal)"}

// sent returns the signal that somebody has ended the process with.
func (e ending) sent() (signal string, ok bool) {
	signal, ok = strings.CutPrefix(e.state, "signal: ")
	return signal, ok && slices.Contains(fromOutside, signal)
}

// describe makes the finding about a process that ended by itself. The user's
// code is in dir.
func (e ending) describe(dir string) manifest.Diagnostic {
	signal, sent := e.sent()
	if c, ok := parseCrash(e.crash); ok && !sent && !e.stale {
		d := manifest.Diagnose(manifest.CodeLiveServer, c.position(dir), "the live server crashed: %s", visible.Line(c.message))
		d.Detail = c.text
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
	d := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "the live server ended by itself (%s)%s", e.state, why)
	const enough = 4 << 10
	d.Detail = manifest.StripGeneration(strings.ToValidUTF8(string(lastBytes([]byte(e.output), enough)), ""))
	return d
}

// crash is what a Go program prints when it ends by a panic or a fatal error.
type crash struct {
	message string
	text    string // the message and the goroutine that it happened in
	frames  []frame
}

type frame struct {
	function string // without its arguments
	file     string
	line     int
	creator  bool // it did not crash: it started the goroutine
}

var (
	goroutineLine = regexp.MustCompile(`^goroutine \d+ .*\[.*\]:$`)
	positionLine  = regexp.MustCompile(`^\t(.+\.(?:go|s|c|cc|h)):(\d+)(?: \+0x[0-9a-f]+)?(?: .*)?$`)
)

// parseCrash reads the first goroutine of a crash report.
func parseCrash(report string) (c crash, ok bool) {
	report = manifest.StripGeneration(strings.ToValidUTF8(report, "\uFFFD"))
	lines := strings.Split(strings.ReplaceAll(report, "\r\n", "\n"), "\n")
	first := slices.IndexFunc(lines, goroutineLine.MatchString)
	if first < 1 {
		return c, false
	}
	c.message, _, _ = strings.Cut(lines[0], " [recovered")
	end := len(lines)
	if n := slices.Index(lines[first:], ""); n >= 0 {
		end = first + n
	}
	c.text = strings.Join(lines[:end], "\n")
	for i := first + 1; i+1 < end; i++ {
		m := positionLine.FindStringSubmatch(lines[i+1])
		if m == nil {
			continue
		}
		line, err := strconv.Atoi(m[2])
		if err != nil || line == 0 {
			continue
		}
		f := frame{function: lines[i], file: m[1], line: line}
		if f.function, f.creator = strings.CutPrefix(f.function, "created by "); f.creator {
			f.function, _, _ = strings.Cut(f.function, " in goroutine ")
		} else if n := strings.LastIndexByte(f.function, '('); n > 0 {
			f.function = f.function[:n]
		}
		c.frames = append(c.frames, f)
		i++
	}
	return c, true
}

// position returns where in the user's code it happened: the topmost frame
// below dir or else the topmost one that does not belong to Go, to this tool
// or to the module cache.
func (c crash) position(dir string) manifest.Position {
	frames := c.frames
	// A deferred function that panics again stands above the panic that is the
	// reason.
	for i, f := range slices.Backward(frames) {
		if f.function == "panic" {
			frames = slices.Concat(frames[i+1:], frames[:i])
			break
		}
	}
	started := func(f frame) bool { return f.creator }
	frames = slices.Concat(slices.DeleteFunc(slices.Clone(frames), started), keep(frames, started))
	for _, mine := range []func(frame) bool{
		func(f frame) bool { return f.inside(dir) },
		func(f frame) bool { return !f.foreign() },
	} {
		if i := slices.IndexFunc(frames, mine); i >= 0 {
			return manifest.Position{File: frames[i].file, Line: frames[i].line}
		}
	}
	return manifest.Position{}
}

func keep(frames []frame, ok func(frame) bool) []frame {
	return slices.DeleteFunc(slices.Clone(frames), func(f frame) bool { return !ok(f) })
}

// inside reports code of the workspace.
func (f frame) inside(dir string) bool {
	rel, err := filepath.Rel(dir, f.file)
	return err == nil && dir != "" && filepath.IsLocal(rel) && !f.foreign()
}

// foreign reports code that the user did not write.
func (f frame) foreign() bool {
	pkg := f.pkg()
	return !filepath.IsAbs(f.file) || // Go's own code, built with -trimpath
		strings.Contains(f.file, "/src/"+pkg+"/") && pkg != "main" || // Go's own code
		strings.Contains(f.file, "/pkg/mod/") || strings.HasSuffix(path.Dir(filepath.ToSlash(f.file)), "/vendor/"+pkg) || // below vendor the import path is the path
		pkg == manifest.RuntimePath || pkg == manifest.RuntimePath+"/control"
}

// pkg returns the import path of the package that the function is in. Dots in
// its last part are escaped there.
func (f frame) pkg() string {
	slash := strings.LastIndexByte(f.function, '/')
	// Type arguments may hold import paths.
	if open := strings.IndexByte(f.function, '['); open >= 0 {
		slash = strings.LastIndexByte(f.function[:open], '/')
	}
	name, _, _ := strings.Cut(f.function[slash+1:], ".")
	return strings.ReplaceAll(f.function[:slash+1]+name, "%2e", ".")
}

// lastLine returns the last line with text in it, shortened.
func lastLine(output string) string {
	output = strings.TrimSpace(output)
	line := strings.TrimSpace(output[strings.LastIndexByte(output, '\n')+1:])
	const enough = 200
	if r := []rune(strings.ToValidUTF8(line, "")); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return manifest.StripGeneration(strings.ToValidUTF8(line, ""))
}
