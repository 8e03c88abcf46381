package build

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// fullLinker links with the Go linker and the C compiler. It writes the whole
// program into a plugin, as `go build -buildmode=plugin` does.
type fullLinker struct {
	builder    *Builder
	extldFlags string
}

func (l *fullLinker) link(ctx context.Context, res *Result) error {
	s := res.Snapshot
	h := s.compiled[s.boundary.Handlers]
	return l.run(ctx, res.Path, h.archive, linkConfig(s, s.compiled), "-buildmode=plugin", "-pluginpath", h.path)
}

// run links a plugin or an executable.
func (l *fullLinker) run(ctx context.Context, out, main, importcfg string, mode ...string) error {
	b := l.builder
	cfg := main + ".linkcfg"
	if err := os.WriteFile(cfg, []byte(importcfg), 0o666); err != nil {
		return writeError(err)
	}
	args := append([]string{"-o", out, "-importcfg", cfg, "-linkmode=external", "-buildid=", "-extld=" + b.env.CC}, mode...)
	if !b.cfg.Debug {
		args = append(args, "-s", "-w")
	}
	if b.cfg.Race {
		args = append(args, "-race")
	}
	if l.extldFlags != "" {
		args = append(args, "-extldflags="+l.extldFlags)
	}
	_, err := b.run.output(ctx, b.cfg.Dir, b.tool("link"), append(args, main)...)
	if err != nil {
		_ = os.Remove(out) // a cancelled linker leaves a part
	}
	return b.codeError(err, b.cfg.Dir)
}

// fastestLinker returns the C compiler's flag for the quickest system linker
// that works here; empty means its own choice. The external link is half of a
// full link's time.
func (b *Builder) fastestLinker(ctx context.Context) string {
	if b.env.GOOS != "linux" || b.env.GOARCH != "amd64" {
		return "" // the Go linker itself chooses where a linker is known to be broken
	}
	flag, _ := FastestLinker(b.env.CC, func(cc string, args ...string) error {
		_, err := b.run.output(ctx, b.cfg.OutDir, cc, args...)
		return err
	})
	return flag
}

// FastestLinker returns the flag with which a C compiler uses the quickest of
// the system linkers in PATH, and the path of that linker; both are empty if
// there is none but its own. run runs the compiler.
func FastestLinker(cc string, run func(cc string, args ...string) error) (flag, path string) {
	words := strings.Fields(cc)
	for _, name := range []string{"mold", "lld", "gold"} {
		path, err := exec.LookPath("ld." + name)
		if err != nil {
			continue
		}
		flag := "-fuse-ld=" + name
		// The compiler may not know the linker even where it is installed.
		if err := run(words[0], append(words[1:], flag, "-Wl,--version")...); err == nil {
			return flag, path
		}
	}
	return "", ""
}
