package lspserver

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// maxFrames bounds the frames of a stack that are shown with a diagnostic.
const maxFrames = 16

// incident returns what explains a panic or a crash: the request, and the
// frames of the stack that are in the user's code, innermost first. The engine
// hands them over as text, for a log. mine tells whose a file is.
func incident(d manifest.Diagnostic, mine func(path string) bool) []manifest.Related {
	if d.Code != manifest.CodeHandlerPanic && d.Code != manifest.CodeLiveServer {
		return nil
	}
	var out []manifest.Related
	lines := strings.Split(d.Detail, "\n")
	if d.Code == manifest.CodeHandlerPanic && d.File != "" {
		if request := requestIn(lines); request != "" {
			out = append(out, manifest.Related{Position: d.Position, Message: "while answering " + request})
		}
	}
	frames := 0
	for i := 1; i < len(lines) && frames < maxFrames; i++ {
		p, ok := placeOfFrame(lines[i])
		name := lines[i-1]
		if !ok || !mine(p.File) || ofRuntime(name) {
			continue
		}
		frames++
		out = append(out, manifest.Related{Position: p, Message: nameOfFrame(name)})
	}
	return out
}

// ofRuntime reports whether a frame belongs to the live server's side of our
// own, whose source may be part of a workspace.
func ofRuntime(line string) bool {
	line = strings.TrimPrefix(line, "created by ")
	return strings.HasPrefix(line, manifest.RuntimePath+".") || strings.HasPrefix(line, manifest.RuntimePath+"/")
}

// untyped returns the name of a function up to its arguments or those of its
// type, which may hold import paths.
func untyped(line string) string {
	if i := strings.IndexAny(line, "[{"); i >= 0 {
		return line[:i]
	}
	return line
}

// requestIn finds the request in the detail of a panic: the line above the first
// empty one, because the panic's message may have several.
func requestIn(lines []string) string {
	for i, line := range lines {
		if line != "" || i < 2 {
			continue
		}
		if method, rest, ok := strings.Cut(lines[i-1], " "); ok && rest != "" && method == strings.ToUpper(method) {
			return lines[i-1]
		}
	}
	return ""
}

// placeOfFrame reads the second line of a frame, as the Go runtime writes it:
//
//	/home/ann/app/handlers/api.go:42 +0x1d
func placeOfFrame(line string) (p manifest.Position, ok bool) {
	place, ok := strings.CutPrefix(line, "\t")
	if !ok {
		return p, false
	}
	place, _, _ = strings.Cut(place, " +0x")
	colon := strings.LastIndexByte(place, ':')
	if colon < 0 || !filepath.IsAbs(place) {
		return p, false
	}
	n, err := strconv.Atoi(place[colon+1:])
	if err != nil || n < 1 {
		return p, false
	}
	return manifest.Position{File: place[:colon], Line: n}, true
}

// nameOfFrame returns the function of a frame's first line as a person writes
// it: without its arguments, and without the directories of its import path.
func nameOfFrame(line string) string {
	line, created := strings.CutPrefix(line, "created by ")
	if created {
		line, _, _ = strings.Cut(line, " in goroutine ")
	} else if strings.HasSuffix(line, ")") {
		if open := strings.LastIndexByte(line, '('); open > 0 && line[open-1] != '.' {
			line = line[:open]
		}
	}
	line = line[strings.LastIndexByte(untyped(line), '/')+1:]
	if created {
		return "started by " + line
	}
	return line
}
