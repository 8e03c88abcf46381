//go:build anvilhot

package stack

import (
	"net/http"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// StandardRoot is the directory of the standard library's source, as stack
// frames spell it; empty in a program built with -trimpath.
var StandardRoot = func() string {
	file, _ := runtime.FuncForPC(reflect.ValueOf(http.NotFound).Pointer()).FileLine(0)
	root, _ := strings.CutSuffix(file, "net/http/server.go")
	return root
}()

// IsUser reports whether a frame is the user's: not the standard library's,
// not this module's, not a dependency's. Anything else is shown as a place to
// look at.
func IsUser(f manifest.Frame) bool {
	file := filepath.ToSlash(f.File)
	switch {
	case !strings.HasSuffix(file, ".go"), strings.HasPrefix(f.Function, "runtime."):
		return false
	case isTest(file):
		return true
	case StandardRoot != "" && strings.HasPrefix(file, StandardRoot):
		return false
	case StandardRoot == "" && !filepath.IsAbs(file) && !strings.HasPrefix(f.Function, "main."):
		// -trimpath leaves the import path: the standard library's has no dot.
		first, _, _ := strings.Cut(file, "/")
		if !strings.Contains(first, ".") {
			return false
		}
	}
	return !f.Foreign()
}

// topUser returns the first frame that is the user's; if there is none,
// the first that is not the Go runtime's.
func topUser(frames []manifest.Frame) manifest.Position {
	var second manifest.Position
	for _, f := range frames {
		if IsUser(f) {
			return f.Position
		}
		if second.File == "" && !strings.HasPrefix(f.Function, "runtime.") {
			second = f.Position
		}
	}
	return second
}
