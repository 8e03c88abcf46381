package build

import (
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// NewestRuntime is the newest Go release of which the runtime's data are known, as
// package hotreload reads them to compare what the process has made with what new
// code has. It finds nothing with a newer one.
const NewestRuntime = "go1.26"

// sameToolchain returns a *Failure if the go command is now one of another
// toolchain than the compiler and the linker that the builder calls: a module
// file chooses it. Archives of both do not go together.
func (b *Builder) sameToolchain(now goEnv) error {
	if now.GOVERSION == b.env.GOVERSION && now.GOTOOLDIR == b.env.GOTOOLDIR {
		return nil
	}
	file := now.GOMOD
	if now.GOWORK != "" && now.GOWORK != "off" {
		file = now.GOWORK
	}
	d := manifest.Diagnose(manifest.CodeModuleChanged, toolchainLine(file),
		"%s chooses the toolchain %s in %s, but anvil-lsp was started with %s in %s: start it again to take the change",
		filepath.Base(file), now.GOVERSION, now.GOTOOLDIR, b.env.GOVERSION, b.env.GOTOOLDIR)
	d.Severity = manifest.SeverityError
	return failure(d)
}

// toolchainLine returns where a module file chooses the toolchain: its toolchain
// line, or else its go line.
func toolchainLine(file string) manifest.Position {
	pos := manifest.Position{File: file}
	data, err := regular.Read(file, regular.MaxSource)
	if err != nil {
		return pos
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "toolchain":
			pos.Line = n
			return pos
		case words[0] == "go":
			pos.Line = n
		}
	}
	return pos
}
