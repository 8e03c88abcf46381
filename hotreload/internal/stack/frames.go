// Package stack reads stacks: which frame is the user's, and what a panic or a
// goroutine that hangs is about. Half of it is for development, under the build tag
// anvilhot.
package stack

import (
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Caller returns the first frame of the calling goroutine outside the runtime's
// packages: the line that the user wrote.
func Caller(lines manifest.Lines) manifest.Position {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if f.File != "" && (!manifest.Frame{Function: f.Function}.InRuntime() || isTest(f.File)) {
			return lines.Resolve(f.Function, manifest.Position{File: f.File, Line: f.Line})
		}
		if !more {
			return manifest.Position{}
		}
	}
}

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

// FunctionName returns the name of a function as a person writes it:
// handlers.ShowPost, handlers.(*API).List.
func FunctionName(fn reflect.Value) string {
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
var copiedLiteral = regexp.MustCompile(`^(.*?)([^./]+)\.` + manifest.RegisterName +
	`(?:\.func\d+(?:\.\d+)*)?\.([A-Za-z_]\w*|\(\*\w+\)\.\w+)\.(?:func)?(\d+(?:\.\d+)*)$`)

// ownLiteral is the part of a name that a literal in AnvilRegisterRoutes itself
// has.
var ownLiteral = regexp.MustCompile(`^(func|gowrap|deferwrap)\d+$`)

// asWritten returns the name of a function in a file as the source has it, as
// far as that is certain: the function around a copied literal may be one of
// another package. Which literal in a function it is does not matter.
func asWritten(function, file string) string {
	name := symbol.StripGeneration(function)
	m := copiedLiteral.FindStringSubmatch(name)
	dir := path.Base(path.Dir(filepath.ToSlash(file)))
	if m == nil || ownLiteral.MatchString(m[3]) || dir != strings.ReplaceAll(m[2], "%2e", ".") {
		return name
	}
	return m[1] + m[2] + "." + m[3] + ".func" + m[4]
}

// FunctionPackage returns the import path of the package that declares a
// function, as the source spells it.
func FunctionPackage(fn reflect.Value) string {
	f := runtime.FuncForPC(fn.Pointer())
	if f == nil {
		return ""
	}
	return manifest.Frame{Function: f.Name()}.Package()
}

// FunctionPosition returns where a function is declared.
func FunctionPosition(fn reflect.Value, lines manifest.Lines) manifest.Position {
	if f := runtime.FuncForPC(fn.Pointer()); f != nil {
		file, line := f.FileLine(f.Entry())
		return lines.Resolve(f.Name(), manifest.Position{File: file, Line: line})
	}
	return manifest.Position{}
}
