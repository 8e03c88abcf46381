package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

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
	args = append(args, b.gcflags()...)
	if root := b.workspace(); root != "" && within(root, j.pkg.Dir) && !j.pkg.vendored() {
		args = append(args, b.ownFlags()...)
	}
	args = append(args, j.flags...)
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
			ds[i].Message = symbol.StripGeneration(ds[i].Message)
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

// importConfig returns the importcfg for compiling a package: the archive of every
// other package under the path that it is compiled under, and the way there from the
// path in the source.
func importConfig(s *Snapshot, now map[string]compiled, compiling string) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		c, ok := now[path]
		switch {
		case !ok || path == compiling:
		case c.plain != "":
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, c.plain)
		default:
			if c.path != path {
				fmt.Fprintf(&b, "importmap %s=%s\n", path, c.path)
			}
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}

// linkConfig returns the importcfg for linking: the archive of every package under
// the path that it has in the process.
func linkConfig(s *Snapshot) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		if c, ok := s.compiled[path]; ok {
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}
