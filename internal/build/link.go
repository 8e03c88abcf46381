package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// fullLinker links with the Go linker and the C compiler. It writes the whole
// program into a plugin, as `go build -buildmode=plugin` does.
type fullLinker struct {
	builder    *Builder
	extldFlags string
}

func (l *fullLinker) link(ctx context.Context, res *Result) error {
	s := res.Snapshot
	mode := []string{"-buildmode=plugin", "-pluginpath", s.entry.path}
	if l.builder.tools.Race {
		mode = append(mode, "-extldflags="+strings.TrimSpace(l.extldFlags+" -Wl,"+raceAddress(l.extldFlags, res.generation)))
	}
	mode = append(mode, l.builder.pluginVariables(s)...)
	return l.run(ctx, res.work, res.Path, s.entry.archive, linkConfig(s), mode...)
}

// raceAddress returns the argument that has a system linker, given by its name
// or the flag that chooses it, make a plugin for a place of its own between 64
// and 576 GB, below the heap; the dynamic linker follows that while the place is
// free. The race detector remembers only 44 bits of where an access was made. When
// it reports a race it can tell the others below 1 TB, and ends the process where
// it cannot: a library's usual place is close below 128 TB.
func raceAddress(linker string, generation int) string {
	const first, room, places = 1 << 36, 1 << 28, 1 << 11
	flag := "-Ttext-segment"
	if strings.Contains(linker, "mold") || strings.Contains(linker, "lld") {
		flag = "--image-base"
	}
	return fmt.Sprintf("%s=%#x", flag, uint64(first+room*(generation%places)))
}

// run links a plugin or an executable. Scratch files go into dir.
func (l *fullLinker) run(ctx context.Context, dir, out, main, importcfg string, mode ...string) error {
	b := l.builder
	cfg := filepath.Join(dir, filepath.Base(main)+".linkcfg")
	if err := os.WriteFile(cfg, []byte(importcfg), 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	args := []string{"-o", out, "-importcfg", cfg, "-linkmode=external", "-buildid=", "-extld=" + b.tools.Env.CC}
	if !b.cfg.Debug {
		// Without debug information there is none to compress; the Go linker would
		// still have the C compiler make a program, to see whether it can.
		args = append(args, "-s", "-w", "-compressdwarf=false")
		if b.tools.Env.GOOS == "linux" {
			// Distributions have their compilers ask for a build ID, which is a hash of
			// the whole file: it takes a tenth of the external link. It is only of use
			// to find debug information that is kept apart.
			args = append(args, "-B=none")
		}
	}
	if b.tools.Race {
		args = append(args, "-race")
	}
	if l.extldFlags != "" {
		args = append(args, "-extldflags="+l.extldFlags)
	}
	args = append(args, mode...) // the last -extldflags counts
	_, err := b.tools.Output(ctx, b.cfg.Dir, b.tools.Tool("link"), append(args, main)...)
	if err != nil {
		_ = os.Remove(out) // a cancelled linker leaves a part
	}
	return b.tools.CodeError(err, b.cfg.Dir)
}

// fastestLinker returns the C compiler's flag for the quickest system linker
// that works here; empty means its own choice. The external link is half of a
// full link's time.
func (b *Builder) fastestLinker(ctx context.Context) string {
	if b.tools.Env.GOOS != "linux" || b.tools.Env.GOARCH != "amd64" {
		return "" // the Go linker itself chooses where a linker is known to be broken
	}
	flag, _ := FastestLinker(b.tools.Env.CC, func(cc string, args ...string) error {
		_, err := b.tools.Output(ctx, b.cfg.OutDir, cc, args...)
		return err
	})
	return flag
}

// FastestLinker returns the flag with which a C compiler uses the quickest of
// the system linkers in PATH, and the path of that linker; both are empty if
// there is none but its own. run runs the compiler.
func FastestLinker(cc string, run func(cc string, args ...string) error) (flag, path string) {
	words := gocmd.SplitQuoted(cc)
	if len(words) == 0 {
		return "", ""
	}
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
