package build

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

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// compileHot compiles hot packages for a generation, each after those that it
// imports, side by side where they do not depend on each other. It returns
// where each is now. Errors in the code are one *Failure for all packages.
func (b *Builder) compileHot(ctx context.Context, s *Snapshot, packages []string, generation int, dir string, at place) (map[string]compiled, error) {
	now := make(map[string]compiled, len(s.compiled))
	for path, c := range s.compiled {
		now[path] = c
	}
	for i, path := range packages {
		now[path] = compiled{
			path:    manifest.GenerationPath(generation, path),
			archive: filepath.Join(dir, fmt.Sprintf("%03d-%s.a", i, s.graph.Packages[path].Name)),
		}
	}
	err := s.graph.inOrder(packages, func(path string) (err error) {
		p := s.graph.Packages[path]
		job := compileJob{
			pkg: p, path: now[path].path, out: now[path].archive,
			importcfg: importConfig(s, now, now[path].archive),
		}
		if job.files, job.flags, err = at.sources(p, dir); err != nil {
			return err
		}
		if path == s.boundary.Handlers {
			return b.compileHandlers(ctx, job, generation)
		}
		return b.compile(ctx, job)
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// compileJob is one run of the compiler.
type compileJob struct {
	pkg       *Package // language version, embedded files
	path      string   // import path to compile under
	out       string
	files     []string
	flags     []string // additional ones
	importcfg string   // text
}

// compile runs the compiler as the go command would (cmd/go/internal/work/gc.go),
// but under the job's import path.
func (b *Builder) compile(ctx context.Context, j compileJob) error {
	base := strings.TrimSuffix(j.out, ".a")
	if err := os.WriteFile(base+".importcfg", []byte(j.importcfg), 0o666); err != nil {
		return writeError(err)
	}
	args := []string{"-o", j.out, "-p", j.path, "-complete", "-pack", "-dynlink", "-nolocalimports",
		"-goversion", b.env.GOVERSION, fmt.Sprintf("-c=%d", min(runtime.GOMAXPROCS(0), 4)), "-importcfg", base + ".importcfg"}
	if m := j.pkg.Module; m != nil && m.GoVersion != "" {
		args = append(args, "-lang=go"+languageVersion(m.GoVersion))
	}
	if b.cfg.Race {
		args = append(args, "-race")
	}
	args = append(append(args, b.gcflags()...), j.flags...)
	if !b.cfg.Debug {
		args = append(args, "-dwarf=false") // the linker drops it
	}
	if len(j.pkg.EmbedPatterns) > 0 {
		data, err := json.Marshal(newEmbedConfig(j.pkg))
		if err != nil {
			return fmt.Errorf("embed configuration: %w", err)
		}
		if err := os.WriteFile(base+".embedcfg", data, 0o666); err != nil {
			return writeError(err)
		}
		args = append(args, "-embedcfg", base+".embedcfg")
	}
	_, err := b.run.quick().output(ctx, j.pkg.Dir, b.tool("compile"), append(args, j.files...)...)
	err = b.codeError(err, j.pkg.Dir)
	if f, ok := errors.AsType[*Failure](err); ok {
		f.Diagnostics = b.existing(f.Diagnostics, j.files)
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

// tool returns the path of a tool of the toolchain.
func (b *Builder) tool(name string) string { return filepath.Join(b.env.GOTOOLDIR, name) }

// codeError turns what a tool said about the user's code into a *Failure.
func (b *Builder) codeError(err error, dir string) error {
	tool, ok := errors.AsType[*ToolError](err)
	if !ok {
		return err
	}
	if ds := parseErrors(dir, tool.Output); len(ds) > 0 {
		for i := range ds {
			ds[i].Message = manifest.StripGeneration(ds[i].Message)
		}
		return failure(ds...)
	}
	if disk := diskFull(tool.Output); disk != nil {
		return disk
	}
	if m := cannotOpen.FindStringSubmatch(tool.Output); m != nil {
		return unreadable(m[1], errors.New(m[2]))
	}
	return err
}

// writeError marks a full disk.
func writeError(err error) error {
	if disk := diskFull(err.Error()); disk != nil {
		return disk
	}
	return fmt.Errorf("writing build files: %w", err)
}

// importConfig returns the importcfg for compiling or linking: the archive of
// every package under the path that it has in this generation, and for the
// compiler the way from the path in the source to it. except leaves out the
// archive that is about to be made.
func importConfig(s *Snapshot, now map[string]compiled, except string) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		c, ok := now[path]
		if !ok || c.archive == except {
			continue
		}
		if c.path != path {
			fmt.Fprintf(&b, "importmap %s=%s\n", path, c.path)
		}
		fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
	}
	return b.String()
}

// linkConfig is importConfig for the linker, which knows no importmap.
func linkConfig(s *Snapshot, now map[string]compiled) string {
	lines := slices.DeleteFunc(strings.SplitAfter(importConfig(s, now, ""), "\n"), func(l string) bool { return strings.HasPrefix(l, "importmap ") })
	return strings.Join(lines, "")
}
