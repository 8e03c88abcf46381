//go:build anvilhot

package hotreload

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// goroutineID returns the number of the calling goroutine, as stack dumps show
// it. Go offers no other way to find one goroutine among all.
func goroutineID() int {
	var buf [64]byte
	fields := strings.Fields(string(buf[:runtime.Stack(buf[:], false)])) // goroutine 34 [running]:
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.Atoi(fields[1])
	return id
}

// findGoroutine returns where a goroutine stands; ok is false if it has ended.
func findGoroutine(id int) (g manifest.Goroutine, ok bool) {
	return parseGoroutine(allGoroutines(), id)
}

// allGoroutines returns the stacks of all goroutines as text.
func allGoroutines() []byte {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < 1<<26 {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	return buf[:n]
}

// goroutinesOf counts, by generation, the goroutines that run its code: the
// innermost function of a generation tells whose they are.
func goroutinesOf(dump []byte) map[int]int {
	out := map[int]int{}
	for paragraph := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if n, ok := symbol.GenerationIn(paragraph); ok {
			out[n]++
		}
	}
	return out
}

// parseGoroutine finds a goroutine in the text of runtime.Stack. What has started it
// is left out.
func parseGoroutine(dump []byte, id int) (g manifest.Goroutine, ok bool) {
	header := "goroutine " + strconv.Itoa(id) + " "
	for paragraph := range bytes.SplitSeq(dump, []byte("\n\n")) {
		if !bytes.HasPrefix(paragraph, []byte(header)) {
			continue
		}
		g, ok = manifest.ParseGoroutine(string(paragraph))
		g.Frames = slices.DeleteFunc(g.Frames, func(f manifest.Frame) bool { return f.Creator })
		return g, ok
	}
	return g, false
}

// panicked is what a recovered panic says.
type panicked struct {
	message  string
	position manifest.Position
	stack    string
	frames   []manifest.Frame // those of stack
	all      []manifest.Frame // also those of the server
}

// describePanic must be called by the deferred function that recovered v.
func describePanic(v any) panicked {
	return newPanicked(symbol.StripGeneration(panicText(v)), panicFrames())
}

func newPanicked(message string, frames []manifest.Frame) panicked {
	cut := fromSource(cutServing(frames))
	return panicked{message, topUserFrame(frames), formatFrames(cut), cut, frames}
}

// in returns the panic with the places that its frames really have.
func (p panicked) in(lines manifest.Lines) panicked {
	if len(lines) == 0 {
		return p
	}
	return newPanicked(p.message, placed(p.all, lines))
}

// describeRecovered describes the panic that the calling goroutine recovers
// from, as far as the stack tells: the value is known to no one but the function
// that recovered. ok is false if no panic is on the stack.
func describeRecovered() (p panicked, ok bool) {
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
		case manifest.RuntimePath + ".(*LiveState).ServeHTTP", manifest.RuntimePath + ".guard.func1":
			return frames[:i]
		}
	}
	return frames
}
