package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// compileJob is one run of the compiler.
type compileJob struct {
	pkg       *golist.Package // language version, embedded files
	path      string          // import path to compile under
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
		return gocmd.WriteError(err)
	}
	args := []string{"-o", j.out, "-p", j.path, "-complete", "-pack", "-dynlink", "-nolocalimports",
		"-goversion", b.tools.Env.GOVERSION, fmt.Sprintf("-c=%d", min(runtime.GOMAXPROCS(0), 4)), "-importcfg", base + ".importcfg"}
	if m := j.pkg.Module; m != nil && m.GoVersion != "" {
		args = append(args, "-lang=go"+languageVersion(m.GoVersion))
	}
	if b.tools.Race {
		args = append(args, "-race")
	}
	args = append(args, b.tools.CompilerFlags()...)
	if root := b.tools.Workspace(); root != "" && golist.Within(root, j.pkg.Dir) && !j.pkg.Vendored() {
		args = append(args, b.tools.WorkspaceFlags()...)
	}
	args = append(args, j.flags...)
	if len(j.pkg.EmbedPatterns) > 0 {
		data, err := json.Marshal(newEmbedConfig(j.pkg))
		if err != nil {
			return fmt.Errorf("embed configuration: %w", err)
		}
		if err := os.WriteFile(base+".embedcfg", data, 0o666); err != nil {
			return gocmd.WriteError(err)
		}
		args = append(args, "-embedcfg", base+".embedcfg")
	}
	_, err := b.tools.Quick().Output(ctx, j.pkg.Dir, b.tools.Tool("compile"), append(args, j.files...)...)
	err = b.tools.CodeError(err, j.pkg.Dir)
	if f, ok := errors.AsType[*gocmd.Failure](err); ok {
		f.Diagnostics = b.list.Existing(f.Diagnostics, j.files)
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
