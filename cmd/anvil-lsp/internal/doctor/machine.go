package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/link"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// goEnv is what `go env` says.
type goEnv struct {
	GOVERSION, GOOS, GOARCH, GOROOT, GOMOD, GOWORK, CGO_ENABLED, CC string
}

// run runs a tool and returns what it printed.
func (d *doctor) run(
	ctx context.Context, dir, stdin string, env []string, name string, args ...string,
) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "PWD="+dir, "GOTMPDIR="+d.tmp, "TMPDIR="+d.tmp), env...)
	cmd.Stdin = strings.NewReader(stdin)
	gocmd.OwnProcessGroup(cmd) // its compilers end with the go command
	cmd.WaitDelay = 2 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

func (d *doctor) toolchain(ctx context.Context) bool {
	const name, advice = "go", "install Go " + manifest.OldestGo + " or newer: https://go.dev/dl"
	if _, err := exec.LookPath(d.o.Go); err != nil {
		d.add(name, Failed, gocmd.NoGoAdvice, "%s", gocmd.NoGoCommand(d.o.Go, os.Environ()))
		return false
	}
	out, err := d.run(ctx, d.dir, "", nil, d.o.Go, "env", "-json")
	if err == nil {
		err = errors.Join(json.Unmarshal([]byte(out), &d.env), json.Unmarshal([]byte(out), &d.vars))
	}
	if err != nil {
		d.add(name, Failed, "fix what the go command reports", "go env: %v: %s", err, out)
		return false
	}
	found := fmt.Sprintf("%s %s/%s in %s", d.env.GOVERSION, d.env.GOOS, d.env.GOARCH, d.env.GOROOT)
	switch {
	case !version.IsValid(d.env.GOVERSION):
		d.add(name, Warning, "", "%s: a development version, treated as a new one", found)
	case version.Compare(d.env.GOVERSION, "go"+manifest.OldestGo) < 0:
		d.add(name, Failed, advice, "%s is too old", found)
		return false
	default:
		d.add(name, OK, "", "%s", found)
	}
	return true
}

// runtime says what is left out with a Go release whose runtime is not known.
func (d *doctor) runtime() {
	release, _, _ := strings.Cut(d.env.GOVERSION, " ") // without experiments
	if version.IsValid(release) && version.Compare(version.Lang(release), gocmd.NewestRuntime) <= 0 {
		return
	}
	d.add("Go runtime", Warning, "update anvil-lsp, or restart when a type switch, an assertion or == goes wrong after "+
		"a swap (docs/codes.md, ANV015)",
		"the comparison of interface tables knows the runtime up to %s; with %s new code is swapped in without "+
			"it", gocmd.NewestRuntime, d.env.GOVERSION)
}

// environment says what in the environment keeps plugins from being built.
func (d *doctor) environment() {
	if problem, advice := gocmd.CheckEnv(d.vars, os.Environ()); problem != "" {
		d.add("cgo", Failed, advice, "%s", problem)
		return
	}
	d.add("cgo", OK, "", "enabled")
}

// compiler makes a shared library with the C compiler: the headers and the linker are often what is
// missing.
func (d *doctor) compiler(ctx context.Context) bool {
	const name, advice = "C compiler", "install a C compiler and its headers (Debian, Ubuntu: apt-get install gcc " +
		"libc6-dev; Fedora: dnf install gcc; macOS: xcode-select --install)"
	cc := gocmd.SplitQuoted(d.env.CC)
	if len(cc) == 0 {
		d.add(name, Failed, advice, "go env names none (CC is empty)")
		return false
	}
	if _, err := exec.LookPath(cc[0]); err != nil {
		d.add(name, Failed, advice, "%s is not in PATH; linking a plugin needs it", cc[0])
		return false
	}
	out, err := d.run(ctx, d.tmp, "#include <stdlib.h>\nvoid f(void) { free(0); }\n", nil,
		cc[0], append(cc[1:], "-shared", "-fPIC", "-x", "c", "-o", "try.so", "-")...)
	if err != nil {
		d.add(name, Failed, advice, "%s cannot make a shared library: %v: %s", d.env.CC, err, firstLines(out, 5))
		return false
	}
	about, err := d.run(ctx, d.tmp, "", nil, cc[0], append(cc[1:], "--version")...)
	if err != nil {
		about = "" // it works, whatever it is
	}
	d.add(name, OK, "", "%s", strings.TrimSpace(d.env.CC+": "+firstLines(about, 1)))
	return true
}

// linker says which system linker ends up linking plugins.
func (d *doctor) linker(ctx context.Context) {
	const name = "linker"
	if d.env.GOOS != "linux" || d.env.GOARCH != "amd64" {
		d.add(name, OK, "", "the one that Go chooses on %s/%s", d.env.GOOS, d.env.GOARCH)
		return
	}
	_, path := link.FastestLinker(d.env.CC, func(cc string, args ...string) error {
		_, err := d.run(ctx, d.tmp, "", nil, cc, args...)
		return err
	})
	if path != "" {
		d.add(name, OK, "", "%s", path)
		return
	}
	d.add(name, OK, "mold or lld would link faster", "the C compiler's own")
}

// plugins builds one.
func (d *doctor) plugins(ctx context.Context) {
	const name = "plugins"
	dir := filepath.Join(d.tmp, "plugin")
	err := os.Mkdir(dir, 0o700)
	for file, text := range map[string]string{
		"go.mod": "module example.com/plugin\n\ngo " + manifest.OldestGo + "\n",
		"main.go": fmt.Sprintf("package main\n\n// %d keeps it out of the build cache.\nvar X int\n\nfunc main() {}\n",
			time.Now().UnixNano()),
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	if err != nil {
		d.add(name, Skipped, "", "no place to try: %v", err)
		return
	}
	env := []string{"GOWORK=off", "GOFLAGS=-mod=mod"}
	// -n builds nothing, but knows where there are no plugins.
	if out, err := d.run(ctx, dir, "", env, d.o.Go, "build", "-n", "-buildmode=plugin", "-o", "p.so", "."); err != nil {
		d.add(name, Failed, "Go has plugins on Linux, macOS and FreeBSD, with cgo (on Windows: WSL)", "%s",
			firstLines(out, 3))
		return
	}
	d.progress("building a plugin")
	limited, cancel := context.WithTimeout(ctx, d.o.PluginLimit)
	defer cancel()
	begun := time.Now()
	out, err := d.run(limited, dir, "", env, d.o.Go, "build", "-buildmode=plugin", "-o", "p.so", ".")
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		d.add(name, Skipped, "", "not built within %s: Go's build cache holds no standard library for plugins yet; the "+
			"first build takes longer for it", d.o.PluginLimit)
	case err != nil:
		d.add(name, Failed, "fix what the compiler or linker reports", "building one fails: %v: %s", err,
			firstLines(out, 5))
	default:
		d.add(name, OK, "", "one was built in %.1f s", time.Since(begun).Seconds())
	}
}

// thin reloads a small program to see whether plugins can be linked thin. The answer takes the
// place of what an engine has remembered.
func (d *doctor) thin(ctx context.Context) {
	const name, advice = "thin plugins", "reloading works all the same, but slower, and each plugin takes megabytes"
	if err := outdir.Executable(d.tmp); err != nil { // the answer would be about that
		d.add(name, Skipped, "set TMPDIR to a directory from which programs can be run", "not tried: %v", err)
		return
	}
	cache := d.o.CacheDir
	if cache == "" {
		cache = filepath.Join(d.tmp, "cache")
	}
	b, err := build.New(ctx, build.Config{Dir: d.tmp, OutDir: filepath.Join(d.tmp, "thin"), CacheDir: cache, Go: d.o.Go})
	if err != nil {
		d.add(name, Skipped, "", "%v", err)
		return
	}
	defer b.Close() // its directory is removed afterwards
	d.progress("reloading a small program")
	limited, cancel := context.WithTimeout(ctx, 5*d.o.PluginLimit)
	defer cancel()
	begun := time.Now()
	earlier, err := b.RepeatTrial(limited)
	switch {
	case limited.Err() != nil && earlier != "":
		d.add(name, Warning, advice, "every save links fully because of an earlier trial; no time for another: %s", earlier)
	case limited.Err() != nil:
		d.add(name, Skipped, "", "not tried within %s: Go's build cache has no such standard library yet", 5*d.o.PluginLimit)
	case err != nil:
		d.add(name, Warning, advice, "every save links fully: %v", err)
	case earlier != "":
		d.add(name, OK, "restart a running anvil-lsp to link thin plugins", "they work now; earlier result: %s", earlier)
	default:
		d.add(name, OK, "", "a small program was reloaded twice in %.1f s in all", time.Since(begun).Seconds())
	}
	if running := d.running(ctx); running.FullLinks > 0 {
		d.add(name+" so far", Warning, advice, "%d of %d hot swaps of the running anvil-lsp needed a full link, the last: %s",
			running.FullLinks, running.Counts.HotSwaps, running.FullLink)
	}
	if err != nil {
		return
	}
	for i, c := range d.report.Checks { // it has built two
		if c.Name == "plugins" && c.Status == Skipped {
			d.report.Checks[i].Status, d.report.Checks[i].Detail = OK, "built for the trial of thin plugins"
		}
	}
}

// running returns the state of the engine that serves the directory, the zero value if there is
// none.
func (d *doctor) running(ctx context.Context) (st control.Status) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := transport.NewClient(d.socket).Get(ctx, control.PathStatus, &st); err != nil {
		return control.Status{}
	}
	return st
}

func firstLines(s string, most int) string {
	lines := strings.SplitN(s, "\n", most+1)
	return strings.Join(lines[:min(most, len(lines))], "\n")
}
