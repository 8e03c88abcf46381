// Package compile runs the compiler as the go command would, but under import paths and
// with files of its own choice, and tells what in a compiled package its importers see:
// a package whose exports are the same needs no importer compiled again. Code that is not
// to be compiled yet it checks from source.
package compile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// Compiler compiles packages by direct calls of the compiler.
type Compiler struct{ *golist.Lister }

// Job is one run of the compiler.
type Job struct {
	Pkg       *golist.Package // language version, embedded files
	Path      string          // import path to compile under
	Out       string
	Files     []string
	Flags     []string // additional ones
	Importcfg string   // text
}

// Compile runs the compiler as the go command would (cmd/go/internal/work/gc.go),
// but under the job's import path.
func (c *Compiler) Compile(ctx context.Context, j Job) error {
	base := strings.TrimSuffix(j.Out, ".a")
	if err := os.WriteFile(base+".importcfg", []byte(j.Importcfg), 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	args := []string{"-o", j.Out, "-p", j.Path, "-complete", "-pack", "-dynlink", "-nolocalimports",
		"-goversion", c.Env.GOVERSION, fmt.Sprintf("-c=%d", min(runtime.GOMAXPROCS(0), 4)), "-importcfg", base + ".importcfg"}
	if m := j.Pkg.Module; m != nil && m.GoVersion != "" {
		args = append(args, "-lang=go"+languageVersion(m.GoVersion))
	}
	if c.Race {
		args = append(args, "-race")
	}
	args = append(args, c.CompilerFlags()...)
	if root := c.Workspace(); root != "" && paths.Below(j.Pkg.Dir, root) && !j.Pkg.Vendored() {
		args = append(args, c.WorkspaceFlags()...)
	}
	args = append(args, j.Flags...)
	if len(j.Pkg.EmbedPatterns) > 0 {
		data, err := json.Marshal(newEmbedConfig(j.Pkg))
		if err != nil {
			return fmt.Errorf("embed configuration: %w", err)
		}
		if err := os.WriteFile(base+".embedcfg", data, 0o666); err != nil {
			return gocmd.WriteError(err)
		}
		args = append(args, "-embedcfg", base+".embedcfg")
	}
	_, err := c.Quick().Output(ctx, j.Pkg.Dir, c.Tool("compile"), append(args, j.Files...)...)
	err = c.CodeError(err, j.Pkg.Dir)
	if f, ok := errors.AsType[*gocmd.Failure](err); ok {
		f.Diagnostics = c.Existing(f.Diagnostics, j.Files)
	}
	return err
}

// languageVersion drops the patch release, as the compiler wants it: 1.26.
func languageVersion(v string) string {
	parts := strings.SplitN(v, ".", 3)
	if len(parts) < 2 {
		return v
	}
	minor := parts[1]
	if i := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = minor[:i]
	}
	return parts[0] + "." + minor
}

// embedConfig is what `go tool compile -embedcfg` reads.
type embedConfig struct {
	Patterns map[string][]string // pattern → matching names, slash-separated
	Files    map[string]string   // name → file
}

// newEmbedConfig divides a package's embedded files among its patterns, by the
// rules of package embed.
func newEmbedConfig(p *golist.Package) embedConfig {
	cfg := embedConfig{Patterns: map[string][]string{}, Files: map[string]string{}}
	for _, pattern := range p.EmbedPatterns {
		cfg.Patterns[pattern] = []string{}
		for _, name := range p.EmbedFiles {
			if golist.EmbedMatches(pattern, name) {
				cfg.Patterns[pattern] = append(cfg.Patterns[pattern], name)
				cfg.Files[name] = filepath.Join(p.Dir, filepath.FromSlash(name))
			}
		}
		slices.Sort(cfg.Patterns[pattern])
	}
	return cfg
}
