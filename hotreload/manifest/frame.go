package manifest

import (
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Frame is a call on the stack of a goroutine.
type Frame struct {
	// Function is its name as the Go runtime has it, without arguments. In a
	// Diagnostic it has no prefix of a generation.
	Function string `json:"function"`
	Position        // of the call that is under way in it
	// Creator: it has started the goroutine, and is not on the stack.
	Creator bool `json:"creator,omitempty"`
}

// Package returns the import path of the package that declares the function, as the
// source spells it.
func (f Frame) Package() string {
	dir, rest := f.split()
	name, _, _ := strings.Cut(rest, ".")
	return dir + symbol.Unescape(name)
}

// Name returns the function as the source names it: handlers.(*API).List.
func (f Frame) Name() string {
	_, rest := f.split()
	return symbol.Unescape(rest)
}

// InRuntime reports code of package hotreload or below it.
func (f Frame) InRuntime() bool {
	pkg := f.Package()
	return pkg == RuntimePath || strings.HasPrefix(pkg, RuntimePath+"/")
}

// Vendored reports whether the function was compiled from the vendor directory of its
// module: below that the import path is the path. A directory of the user's may have
// this name, too.
func (f Frame) Vendored() bool {
	return strings.HasSuffix(path.Dir(filepath.ToSlash(f.File)), "/vendor/"+f.Package())
}

// Foreign reports code of a dependency, or of package hotreload or below it.
func (f Frame) Foreign() bool {
	return moduleVersion.MatchString(f.File) || f.Vendored() || f.InRuntime()
}

// moduleVersion is what the path of each file in a module cache has. A directory of the
// user's may have an @ in its name, too.
var moduleVersion = regexp.MustCompile(`@v[0-9]+\.[0-9]+\.[0-9]`)

// Initialises reports whether the function is part of the initialisation of its
// package: an init function, a literal in one, or what the compiler makes of the values
// of variables.
func (f Frame) Initialises() bool {
	_, rest := f.split()
	_, name, _ := strings.Cut(rest, ".")
	return name == "init" || strings.HasPrefix(name, "init.")
}

// split splits the function's name behind the last slash of the import path. What
// comes in brackets, type arguments, has paths of its own.
func (f Frame) split() (dir, rest string) {
	name := symbol.StripGeneration(f.Function)
	end := strings.IndexAny(name, "[{")
	if end < 0 {
		end = len(name)
	}
	slash := strings.LastIndexByte(name[:end], '/') + 1
	return name[:slash], name[slash:]
}

// Goroutine is what a Go program prints of a goroutine.
type Goroutine struct {
	ID     int
	State  string // such as running, or chan receive
	Frames []Frame
}

var (
	goroutineLine = regexp.MustCompile(`^goroutine (\d+) .*?\[([^,\]]*).*\]:$`)
	frameLine     = regexp.MustCompile(`^\t(.+):(\d+)(?: .*)?$`)
)

// ParseGoroutine reads the text that a Go program prints of one goroutine, up to an
// empty line: a header, and for each frame a line with the function and an indented
// one with its position. ok is false if it does not begin with a header. Names of
// functions keep the prefix of their generation.
func ParseGoroutine(text string) (g Goroutine, ok bool) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	header := goroutineLine.FindStringSubmatch(lines[0])
	if header == nil {
		return g, false
	}
	g.ID, _ = strconv.Atoi(header[1])
	g.State = header[2]
	for i := 1; i+1 < len(lines) && lines[i] != ""; i++ {
		if f, ok := parseFrame(lines[i], lines[i+1]); ok {
			g.Frames = append(g.Frames, f)
			i++
		}
	}
	return g, true
}

// parseFrame reads
//
//	example.com/app/handlers.(*API).List(0xc000012345, {0x1, 0x2})
//		/home/ann/app/handlers/api.go:42 +0x1d
func parseFrame(function, position string) (f Frame, ok bool) {
	m := frameLine.FindStringSubmatch(position)
	if m == nil || strings.HasPrefix(function, "\t") {
		return f, false
	}
	f.File = m[1]
	line, err := strconv.Atoi(m[2])
	if f.Line = line; err != nil || line == 0 {
		return f, false
	}
	f.Function, f.Creator = strings.CutPrefix(function, "created by ")
	if f.Creator {
		f.Function, _, _ = strings.Cut(f.Function, " in goroutine ")
	} else if open := strings.LastIndexByte(f.Function, '('); open > 0 && strings.HasSuffix(f.Function, ")") {
		f.Function = f.Function[:open]
	}
	return f, true
}
