//go:build anvilhot

package stack

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Panic is what a recovered panic says.
type Panic struct {
	Message  string
	Position manifest.Position
	Stack    string
	Frames   []manifest.Frame // those of stack
	all      []manifest.Frame // also those of the server
}

// DescribePanic must be called by the deferred function that recovered v.
func DescribePanic(v any) Panic {
	return newPanicked(symbol.StripGeneration(panicText(v)), panicFrames())
}

func newPanicked(message string, frames []manifest.Frame) Panic {
	cut := fromSource(cutServing(frames))
	return Panic{message, topUser(frames), format(cut), cut, frames}
}

// WithLines returns the panic with the places that its frames really have.
func (p Panic) WithLines(lines manifest.Lines) Panic {
	if len(lines) == 0 {
		return p
	}
	return newPanicked(p.Message, withLines(p.all, lines))
}

// DescribeRecovered describes the panic that the calling goroutine recovers
// from, as far as the stack tells: the value is known to no one but the function
// that recovered. ok is false if no panic is on the stack.
func DescribeRecovered() (p Panic, ok bool) {
	pcs := make([]uintptr, 128)
	all := collectFrames(pcs[:runtime.Callers(2, pcs)])
	at := slices.IndexFunc(all, func(f manifest.Frame) bool { return f.Function == "runtime.gopanic" })
	if at < 1 || at+1 >= len(all) {
		return p, false
	}
	frames := all[at+1:]
	text := runtimeError(frames[0].Function)
	if text == "" {
		text = "a value that " + shortName(all[at-1].Function) + " recovered"
	}
	return newPanicked(text, frames), true
}

// runtimeError returns what a function of the runtime panics with; empty if it
// is not one of those that panic with one thing only.
func runtimeError(function string) string {
	switch function {
	case "runtime.panicmem":
		return "runtime error: invalid memory address or nil pointer dereference"
	case "runtime.panicdivide":
		return "runtime error: integer divide by zero"
	}
	if strings.HasPrefix(function, "runtime.mapassign") {
		return "assignment to entry in nil map"
	}
	return ""
}

// shortName returns a function's name without the path of its package and the
// number of the function literal.
func shortName(function string) string {
	return literalNumber.ReplaceAllString(manifest.Frame{Function: function}.Name(), "")
}

// literalNumber is what the compiler puts behind the name of the function around
// a function literal.
var literalNumber = regexp.MustCompile(`\.func\d+(\.\d+)*$`)

// panicText formats the value of a panic without letting it panic again.
func panicText(v any) (text string) {
	defer func() {
		if recover() != nil {
			text = "a value that cannot be printed"
		}
	}()
	switch v := v.(type) {
	case error:
		return v.Error()
	case interface{ String() string }:
		return v.String()
	case string:
		return v
	}
	return fmt.Sprintf("%T: %v", v, v)
}

// cutServing drops the frames of the server below the application's.
func cutServing(frames []manifest.Frame) []manifest.Frame {
	for i, f := range frames {
		switch f.Function {
		case manifest.RuntimePath + ".(*LiveState).ServeHTTP", manifest.RuntimePath + "/internal/stack.Guard.func1":
			return frames[:i]
		}
	}
	return frames
}

// withLines returns frames with the places that they really have.
func withLines(frames []manifest.Frame, lines manifest.Lines) []manifest.Frame {
	if len(lines) == 0 {
		return frames
	}
	out := slices.Clone(frames)
	for i, f := range out {
		out[i].Position = lines.Resolve(f.Function, f.Position)
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

// format writes a stack as the Go runtime does.
func format(frames []manifest.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
	}
	return b.String()
}
