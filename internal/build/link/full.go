// Package link links executables and plugins: [Full] with the whole program in each,
// as the go command does, and [Thin] with what the running process lacks, where a trial
// has shown that this works with the toolchain.
package link

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// Job is a plugin to be linked, thin or fully.
type Job struct {
	thin.Job
	Work       string // for scratch files of a full link
	Importcfg  string // of a full link
	Generation int
}

// Full links with the Go linker and the C compiler. It writes the whole
// program into a plugin, as `go build -buildmode=plugin` does.
type Full struct {
	*gocmd.Toolchain
	extldFlags string
}

// NewFull returns a linker with the quickest system linker that works: the external link is half of
// a full link's time. The C compiler that tells of it runs in a directory for scratch files.
func NewFull(ctx context.Context, t *gocmd.Toolchain, scratch string) *Full {
	l := &Full{Toolchain: t}
	if t.Env.GOOS == "linux" && t.Env.GOARCH == "amd64" { // elsewhere the Go linker itself chooses
		l.extldFlags, _ = FastestLinker(t.Env.CC, func(cc string, args ...string) error {
			_, err := t.Output(ctx, scratch, cc, args...)
			return err
		})
	}
	return l
}

// Plugin links a plugin.
func (l *Full) Plugin(ctx context.Context, j Job) error {
	mode := []string{"-buildmode=plugin", "-pluginpath", j.Path}
	if l.Race {
		mode = append(mode, "-extldflags="+strings.TrimSpace(l.extldFlags+" -Wl,"+raceAddress(l.extldFlags, j.Generation)))
	}
	return l.Run(ctx, j.Work, j.Out, j.Main, j.Importcfg, append(mode, j.Flags...)...)
}

// raceAddress returns the argument that has a system linker, given by its name or the flag that
// chooses it, make a plugin for a place of its own between 64 and 576 GB, below the heap; the
// dynamic linker follows that while the place is free. The race detector remembers only 44 bits of
// where an access was made. When it reports a race it can tell the others below 1 TB, and ends the
// process where it cannot: a library's usual place is close below 128 TB.
func raceAddress(linker string, generation int) string {
	const first, room, places = 1 << 36, 1 << 28, 1 << 11
	flag := "-Ttext-segment"
	if strings.Contains(linker, "mold") || strings.Contains(linker, "lld") {
		flag = "--image-base"
	}
	return fmt.Sprintf("%s=%#x", flag, uint64(first+room*(generation%places)))
}

// Run links a plugin or an executable. Scratch files go into dir.
func (l *Full) Run(ctx context.Context, dir, out, main, importcfg string, mode ...string) error {
	cfg := filepath.Join(dir, filepath.Base(main)+".linkcfg")
	if err := os.WriteFile(cfg, []byte(importcfg), 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	args := []string{"-o", out, "-importcfg", cfg, "-linkmode=external", "-buildid=", "-extld=" + l.Env.CC}
	if !l.Debug {
		// Without debug information there is none to compress; the Go linker would
		// still have the C compiler make a program, to see whether it can.
		args = append(args, "-s", "-w", "-compressdwarf=false")
		if l.Env.GOOS == "linux" {
			// Distributions have their compilers ask for a build ID, which is a hash of
			// the whole file: it takes a tenth of the external link. It is only of use
			// to find debug information that is kept apart.
			args = append(args, "-B=none")
		}
	}
	if l.Race {
		args = append(args, "-race")
	}
	if l.extldFlags != "" {
		args = append(args, "-extldflags="+l.extldFlags)
	}
	args = append(args, mode...) // the last -extldflags counts
	_, err := l.Output(ctx, l.Dir, l.Tool("link"), append(args, main)...)
	if err != nil {
		_ = os.Remove(out) // a cancelled linker leaves a part
	}
	return l.CodeError(err, l.Dir)
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
