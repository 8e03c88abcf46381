package lspserver

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// maxFrames is how many places of a stack are shown beside a diagnostic.
const maxFrames = 8

// runtimePackages is how the functions of the runtime begin, which may stand in a
// directory beside the application.
const runtimePackages = "github.com/anvilforge/anvil-lsp/"

// frameLine is the second line of a frame in a stack: where the function is.
var frameLine = regexp.MustCompile(`^\t(/.+\.go):([0-9]+)`)

// stackOf returns the frames of a stack that are in the user's code, the top
// one, at which the diagnostic stands, left out. mine tells whose a file is.
func stackOf(d manifest.Diagnostic, mine func(path string) bool) []manifest.Related {
	var out []manifest.Related
	function := ""
	for line := range strings.Lines(d.Detail) {
		line = strings.TrimRight(line, "\n")
		m := frameLine.FindStringSubmatch(line)
		if m == nil {
			function = line
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err != nil || !mine(m[1]) || strings.HasPrefix(function, runtimePackages) || m[1] == d.File && n == d.Line {
			continue
		}
		out = append(out, manifest.Related{Position: manifest.Position{File: m[1], Line: n}, Message: "called in " + callee(function)})
		if len(out) == maxFrames {
			break
		}
	}
	return out
}

// callee returns the name of a function in a stack without its arguments and
// without the directory of its package.
func callee(line string) string {
	name := line
	if strings.HasSuffix(name, ")") { // arguments, but not a receiver: handlers.(*app).home(...)
		name = name[:strings.LastIndex(name, "(")]
	}
	return name[strings.LastIndex(name, "/")+1:]
}
