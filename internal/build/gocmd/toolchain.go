// Package gocmd runs the go command of an application and the compiler and linker that it chooses.
//
// A [Toolchain] knows the go command's environment, the flags of GOFLAGS, and the flags with which
// host and plugins are built alike, by the go command and by direct calls of the tools. What a tool
// says about the user's code becomes a [Failure]; what it says about the machine stays an error.
package gocmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// HotTag is the build tag that compiles the development half of package
// hotreload into the live server.
const HotTag = "anvilhot"

// Settings say which go command a [Toolchain] is of, and how it builds.
type Settings struct {
	Dir, Go     string   // the application's directory, and the go command
	Environ     []string // of all tools
	Tags        []string // build tags besides HotTag
	Race, Debug bool
}

// Toolchain is a go command with the compiler and the linker that it chooses in a
// directory. It is immutable.
type Toolchain struct {
	Settings
	Env Env
	runner
}

// ErrSetup reports that this machine or configuration cannot build plugins at
// all. The message says what to do.
var ErrSetup = errors.New("cannot hot-reload here")

// New asks the go command about its toolchain. The error wraps ErrSetup where
// plugins cannot be built.
func New(ctx context.Context, s Settings) (*Toolchain, error) {
	t := &Toolchain{Settings: s, runner: runner{env: s.Environ}}
	if _, err := exec.LookPath(t.Go); err != nil {
		return nil, fmt.Errorf("%w: %s; %s", ErrSetup, NoGoCommand(t.Go, t.Environ), NoGoAdvice)
	}
	var err error
	if t.Env, err = t.ReadEnv(ctx); err != nil {
		return nil, err
	}
	if problem, advice := CheckEnv(t.Env.all, t.Environ); problem != "" {
		return nil, fmt.Errorf("%w: %s; %s", ErrSetup, problem, advice)
	}
	t.Race = t.Race || t.Env.race()
	// The tools must see what the go command would tell them, also what was set with `go env -w`.
	for _, k := range slices.Sorted(maps.Keys(t.Env.all)) {
		if slices.Contains([]string{"GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "GO386", "GORISCV64"}, k) ||
			strings.HasPrefix(k, "GOA") || strings.HasPrefix(k, "GOMIPS") || strings.HasPrefix(k, "GOPPC") {
			t.ToolEnv = append(t.ToolEnv, k+"="+t.Env.all[k])
		}
	}
	return t, nil
}

// Version returns the Go version and platform, as the manifest records it.
func (t *Toolchain) Version() string {
	return t.Env.GOVERSION + " " + t.Env.GOOS + "/" + t.Env.GOARCH
}

// Tool returns the path of a tool of the toolchain.
func (t *Toolchain) Tool(name string) string { return filepath.Join(t.Env.GOTOOLDIR, name) }

// NewestRuntime is the newest Go release of which the runtime's data are known, as
// package hotreload reads them to compare what the process has made with what new
// code has. It finds nothing with a newer one.
const NewestRuntime = "go1.26"

// SameToolchain returns a *Failure if the go command is now one of another
// toolchain than the compiler and the linker that the builder calls: a module
// file chooses it. Archives of both do not go together.
func (t *Toolchain) SameToolchain(now Env) error {
	if now.GOVERSION == t.Env.GOVERSION && now.GOTOOLDIR == t.Env.GOTOOLDIR {
		return nil
	}
	file := now.GOMOD
	if now.GOWORK != "" && now.GOWORK != "off" {
		file = now.GOWORK
	}
	d := manifest.Diagnose(manifest.CodeModuleChanged, toolchainLine(file),
		"%s chooses the toolchain %s in %s, but anvil-lsp was started with %s in %s: start it again to take the change",
		filepath.Base(file), now.GOVERSION, now.GOTOOLDIR, t.Env.GOVERSION, t.Env.GOTOOLDIR)
	d.Severity = manifest.SeverityError
	return Fail(d)
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
