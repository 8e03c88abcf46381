//go:build anvilhot

package stack

import (
	"bytes"
	"fmt"
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
	return parseGoroutine(AllGoroutines(), id)
}

// AllGoroutines returns the stacks of all goroutines as text.
func AllGoroutines() []byte {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < 1<<26 {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	return buf[:n]
}

// CountByGeneration counts, by generation, the goroutines that run its code: the
// innermost function of a generation tells whose they are.
func CountByGeneration(dump []byte) map[int]int {
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

// MainStatus says of a dump of all goroutines what the first one waits for, to
// follow "main".
func MainStatus(dump []byte) string {
	const first = 1 // the number of main's goroutine
	g, _ := parseGoroutine(dump, first)
	waits := g.State
	for _, f := range g.Frames {
		if f.Package() == "main" {
			return fmt.Sprintf("is at %s (%s)", f.Position, waits)
		}
		waits = f.Name()
	}
	return "has returned, or is gone" // by runtime.Goexit
}
