package lspserver

import (
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// maxFrames bounds the frames of a stack that are shown with a diagnostic.
const maxFrames = 16

// incident returns what explains a panic or a crash: the request, and the frames of
// the stack that are in the user's code, innermost first. mine tells whose a file is.
func incident(d manifest.Diagnostic, mine func(path string) bool) []manifest.Related {
	if d.Code != manifest.CodeHandlerPanic && d.Code != manifest.CodeLiveServer {
		return nil
	}
	var out []manifest.Related
	if d.Request != "" && d.File != "" {
		out = append(out, manifest.Related{Position: d.Position, Message: "while answering " + d.Request})
	}
	frames := 0
	for _, f := range d.Frames {
		if frames == maxFrames {
			break
		}
		if !mine(f.File) || f.InRuntime() {
			continue
		}
		frames++
		message := f.Name()
		if f.Creator {
			message = "started by " + message
		}
		out = append(out, manifest.Related{Position: f.Position, Message: message})
	}
	return out
}
