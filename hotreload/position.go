package hotreload

import (
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// sourceRoot is the directory of the standard library's source, as stack
// frames spell it; empty in a program built with -trimpath.
var sourceRoot = func() string {
	file, _ := runtime.FuncForPC(reflect.ValueOf(http.NotFound).Pointer()).FileLine(0)
	root, _ := strings.CutSuffix(file, "net/http/server.go")
	return root
}()

// callerPosition returns the first frame of the calling goroutine outside the
// runtime's packages: the line that the user wrote. A nil registration knows of no lines.
func (g *registration) callerPosition() manifest.Position {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.File != "" && (!manifest.Frame{Function: f.Function}.InRuntime() || isTest(f.File)) {
			at := manifest.Position{File: f.File, Line: f.Line}
			if g == nil {
				return at
			}
			return g.lines.Place(f.Function, at)
		}
		if !more {
			return manifest.Position{}
		}
	}
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

// userCode reports whether a frame is the user's: not the standard library's,
// not this module's, not a dependency's. Anything else is shown as a place to
// look at.
func userCode(f manifest.Frame) bool {
	file := filepath.ToSlash(f.File)
	switch {
	case !strings.HasSuffix(file, ".go"), strings.HasPrefix(f.Function, "runtime."):
		return false
	case isTest(file):
		return true
	case sourceRoot != "" && strings.HasPrefix(file, sourceRoot):
		return false
	case sourceRoot == "" && !filepath.IsAbs(file) && !strings.HasPrefix(f.Function, "main."):
		// -trimpath leaves the import path: the standard library's has no dot.
		first, _, _ := strings.Cut(file, "/")
		if !strings.Contains(first, ".") {
			return false
		}
	}
	return !strings.Contains(file, "@v") && !f.Vendored() && !f.InRuntime()
}

// topUserFrame returns the first frame that is the user's; if there is none,
// the first that is not the Go runtime's.
func topUserFrame(frames []manifest.Frame) manifest.Position {
	var second manifest.Position
	for _, f := range frames {
		if userCode(f) {
			return f.Position
		}
		if second.File == "" && !strings.HasPrefix(f.Function, "runtime.") {
			second = f.Position
		}
	}
	return second
}

// placed returns frames with the places that they really have.
func placed(frames []manifest.Frame, lines manifest.Lines) []manifest.Frame {
	if len(lines) == 0 {
		return frames
	}
	out := slices.Clone(frames)
	for i, f := range out {
		out[i].Position = lines.Place(f.Function, f.Position)
	}
	return out
}

// panicFrames returns the stack of the panic that a deferred function is
// recovering from, innermost first, without the frames of the recovery. It must
// be called while that deferred function runs.
func panicFrames() []manifest.Frame {
	pcs := make([]uintptr, 128)
	all := collectFrames(pcs[:runtime.Callers(2, pcs)])
	for i, f := range all {
		if f.Function == "runtime.gopanic" {
			return all[i+1:]
		}
	}
	return all
}

func collectFrames(pcs []uintptr) []manifest.Frame {
	var all []manifest.Frame
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" {
			all = append(all, manifest.Frame{Function: f.Function, Position: manifest.Position{File: f.File, Line: f.Line}})
		}
		if !more {
			return all
		}
	}
}

// fromSource returns frames with the names of functions that the source has.
func fromSource(frames []manifest.Frame) []manifest.Frame {
	out := slices.Clone(frames)
	for i, f := range out {
		out[i].Function = asWritten(f.Function, f.File)
	}
	return out
}

// formatFrames writes a stack as the Go runtime does.
func formatFrames(frames []manifest.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}

// functionName returns the name of a function as a person writes it:
// handlers.ShowPost, handlers.(*API).List.
func functionName(fn reflect.Value) string {
	f := runtime.FuncForPC(fn.Pointer())
	if f == nil {
		return "func"
	}
	file, _ := f.FileLine(f.Entry())
	name := asWritten(f.Name(), file)
	name = strings.ReplaceAll(manifest.Frame{Function: name}.Name(), "[...]", "")
	return strings.TrimSuffix(name, "-fm")
}

// copiedLiteral is the name that the compiler gives to a function literal if it
// has copied the function around it into AnvilRegisterRoutes or a literal there:
// handlers.AnvilRegisterRoutes.health.func4 and
// handlers.AnvilRegisterRoutes.func2.health.1 are literals in health.
var copiedLiteral = regexp.MustCompile(`^(.*?)([^./]+)\.` + manifest.RegisterName + `(?:\.func\d+(?:\.\d+)*)?\.([A-Za-z_]\w*|\(\*\w+\)\.\w+)\.(?:func)?(\d+(?:\.\d+)*)$`)

// ownLiteral is the part of a name that a literal in AnvilRegisterRoutes itself
// has.
var ownLiteral = regexp.MustCompile(`^(func|gowrap|deferwrap)\d+$`)

// asWritten returns the name of a function in a file as the source has it, as
// far as that is certain: the function around a copied literal may be one of
// another package. Which literal in a function it is does not matter.
func asWritten(function, file string) string {
	name := symbol.StripGeneration(function)
	m := copiedLiteral.FindStringSubmatch(name)
	if m == nil || ownLiteral.MatchString(m[3]) || path.Base(path.Dir(filepath.ToSlash(file))) != strings.ReplaceAll(m[2], "%2e", ".") {
		return name
	}
	return m[1] + m[2] + "." + m[3] + ".func" + m[4]
}

// functionPackage returns the import path of the package that declares a
// function, as the source spells it.
func functionPackage(fn reflect.Value) string {
	f := runtime.FuncForPC(fn.Pointer())
	if f == nil {
		return ""
	}
	return manifest.Frame{Function: f.Name()}.Package()
}

// functionPosition returns where a function is declared.
func functionPosition(fn reflect.Value, lines manifest.Lines) manifest.Position {
	if f := runtime.FuncForPC(fn.Pointer()); f != nil {
		file, line := f.FileLine(f.Entry())
		return lines.Place(f.Name(), manifest.Position{File: file, Line: line})
	}
	return manifest.Position{}
}
