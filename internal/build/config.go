package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// HotTag is the build tag that compiles the development half of package
// hotreload into the live server.
const HotTag = "anvilhot"

// Config says what to build and how. Its zero value, but for Dir and OutDir,
// is a usable configuration.
type Config struct {
	// Dir is the directory of the application: that of its main package, or one
	// above it. Absolute.
	Dir string
	// Main names the main package if Dir holds more than one that will do: an
	// import path, or a directory relative to Dir.
	Main string
	// OutDir is where everything is written; see package outdir. It is made if it is
	// missing, but not the directory around it. Absolute.
	OutDir string
	// Tags are build tags besides HotTag.
	Tags []string
	// Assets are files, and directories of files, that host packages embed and the
	// program reads from the disk in development: an edit of one does not concern the
	// running program. Absolute, or relative to Dir.
	Assets []string
	// Race builds with the race detector.
	Race bool
	// Debug keeps debug information and turns optimizations off.
	Debug bool
	// CacheDir is where it is remembered whether plugins can be linked thin with a
	// toolchain, for all workspaces. If it is empty that is taken on trust.
	CacheDir string
	// FullLink links every plugin fully.
	FullLink bool
	// Go is the go command; "go" if empty.
	Go string
	// Env is the environment of the tools; os.Environ if nil.
	Env []string
	// Progress is told of long work that nobody is expected to wait for, such as
	// compiling again what the build cache has lost. It may be nil.
	Progress Progress
}

// Builder builds one application. It is safe for concurrent use.
type Builder struct {
	cfg  Config
	env  goEnv
	run  runner
	full *fullLinker // makes executables, and any plugin
	thin *thinLinker // makes plugins of what is not loaded yet

	ahead ahead
	// compilesAnew: hot packages are compiled under the path of each generation, not
	// renamed.
	compilesAnew bool
	// needed are the files that the newest generations need, by their numbers; see
	// Prune.
	needed map[int][]string
}

// goEnv holds what `go env` says about the toolchain.
type goEnv struct {
	GOROOT, GOVERSION, GOOS, GOARCH, GOTOOLDIR, GOEXPERIMENT string
	GOWORK, GOMOD, GOFLAGS, GOMODCACHE                       string
	CGO_ENABLED, CC, CXX                                     string

	all map[string]string
}

// ErrSetup reports that this machine or configuration cannot build plugins at
// all. The message says what to do.
var ErrSetup = errors.New("cannot hot-reload here")

// New asks the go command about the toolchain. The error wraps ErrSetup where
// plugins cannot be built.
func New(ctx context.Context, cfg Config) (*Builder, error) {
	if cfg.Go == "" {
		cfg.Go = "go"
	}
	if cfg.Env == nil {
		cfg.Env = os.Environ()
	}
	b := &Builder{cfg: cfg, needed: map[int][]string{}}
	var tmp string
	err := b.inOut(outdir.Make, func(d *outdir.Dir) (err error) {
		tmp, err = d.Below(outdir.Temp)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the output directory: %w", err)
	}
	// The go command and the linker put their scratch files where the next engine
	// removes them.
	b.cfg.Env = append(slices.Clone(cfg.Env), "GOTMPDIR="+tmp, "TMPDIR="+tmp)
	b.run.env = b.cfg.Env
	if _, err := exec.LookPath(cfg.Go); err != nil {
		return nil, fmt.Errorf("%w: %s; %s", ErrSetup, NoGoCommand(cfg.Go, cfg.Env), NoGoAdvice)
	}
	if b.env, err = b.readEnv(ctx); err != nil {
		return nil, err
	}
	if problem, advice := CheckEnv(b.env.all, cfg.Env); problem != "" {
		return nil, fmt.Errorf("%w: %s; %s", ErrSetup, problem, advice)
	}
	b.cfg.Race = b.cfg.Race || b.env.race()
	// The tools must see what the go command would tell them, also what was set with `go env -w`.
	for _, k := range slices.Sorted(maps.Keys(b.env.all)) {
		if k == "GOROOT" || k == "GOOS" || k == "GOARCH" || k == "GOEXPERIMENT" || k == "GO386" || strings.HasPrefix(k, "GOA") || strings.HasPrefix(k, "GOMIPS") || strings.HasPrefix(k, "GOPPC") || k == "GORISCV64" {
			b.run.toolEnv = append(b.run.toolEnv, k+"="+b.env.all[k])
		}
	}
	b.full = &fullLinker{builder: b, extldFlags: b.fastestLinker(ctx)}
	b.thin = newThinLinker(b)
	// What is renamed keeps its old names in debug information, and in formats that are
	// not known here.
	b.compilesAnew = b.thin.off.Load() != nil
	return b, nil
}

// readEnv asks the go command for its environment, or for some variables.
func (b *Builder) readEnv(ctx context.Context, names ...string) (e goEnv, err error) {
	out, err := b.run.output(ctx, b.cfg.Dir, b.cfg.Go, slices.Concat([]string{"env", "-json"}, names)...)
	if err == nil {
		err = errors.Join(json.Unmarshal(out, &e.all), json.Unmarshal(out, &e))
	}
	if err != nil {
		return e, fmt.Errorf("go env: %w", err)
	}
	return e, nil
}

// pluginPlatform tells where -buildmode=plugin exists
// (internal/platform.BuildModeSupported in the Go source).
func pluginPlatform(goos, goarch string) bool {
	switch goos {
	case "linux":
		return slices.Contains([]string{"amd64", "arm64", "arm", "386", "loong64", "riscv64", "s390x", "ppc64le"}, goarch)
	case "darwin", "freebsd":
		return goarch == "amd64" || goarch == "arm64"
	}
	return false
}

// Toolchain returns the Go version and platform, as the manifest records it.
func (b *Builder) Toolchain() string {
	return b.env.GOVERSION + " " + b.env.GOOS + "/" + b.env.GOARCH
}

// flags returns the build flags that every call of the go command gets, so
// that host and plugins are compiled alike. Flags from GOFLAGS that would make
// the go command compile otherwise than the direct calls are turned off, but for
// -race, which these follow.
func (b *Builder) flags() []string {
	flags := []string{"-buildmode=plugin", "-tags=" + strings.Join(b.tags(), ","), "-trimpath=false", "-buildvcs=false", "-pgo=off",
		"-msan=false", "-asan=false", "-cover=false", "-overlay=", "-toolexec=", "-asmflags=all="}
	if b.cfg.Race {
		flags = append(flags, "-race=true")
	}
	flags = append(flags, "-gcflags=all="+strings.Join(b.gcflags(), " "))
	if root, own := b.workspace(), b.ownFlags(); root != "" && len(own) > 0 {
		if rel, err := filepath.Rel(b.cfg.Dir, root); err == nil {
			pattern := "./" + filepath.ToSlash(rel) + "/..." // the last one that matches counts
			flags = append(flags, "-gcflags="+pattern+"="+strings.Join(append(b.gcflags(), own...), " "))
		}
	}
	return flags
}

// workspace returns the directory of go.work, or else of go.mod; empty if there is
// neither.
func (b *Builder) workspace() string {
	for _, file := range []string{b.env.GOWORK, b.env.GOMOD} {
		if file != "" && file != "off" && file != os.DevNull {
			return filepath.Dir(file)
		}
	}
	return ""
}

// ownFlags returns the flags that packages of the workspace are compiled with, besides
// gcflags.
//
// Functions with function literals in them are not inlined into other packages. Else
// each edit of a handler that is made by a function, as in func list() http.HandlerFunc
// { return func(…) {…} }, would be one of the package that registers it, which
// holds a copy of them all and would have to be compiled, too.
func (b *Builder) ownFlags() []string {
	if b.cfg.Debug { // nothing is inlined
		return nil
	}
	return []string{"-d=inlfuncswithclosures=0"}
}

// tags returns the build tags that files are chosen by, besides those of the
// platform and the toolchain.
func (b *Builder) tags() []string {
	tags := slices.Concat([]string{HotTag}, b.cfg.Tags, b.env.tags())
	if b.cfg.Race {
		tags = append(tags, "race") // as the go command does by itself
	}
	return tags
}

// tags returns the build tags of GOFLAGS. The last -tags counts, as everywhere.
func (e *goEnv) tags() []string {
	values := e.goFlag("tags")
	if len(values) == 0 {
		return nil
	}
	// Spaces are what separated them once, and is still allowed.
	return strings.FieldsFunc(values[len(values)-1], func(r rune) bool { return r == ',' || r == ' ' })
}

// modFile returns the file that the go command reads in place of go.mod, as GOFLAGS
// says (-modfile); empty if it reads go.mod. The last one counts, as everywhere.
func (b *Builder) modFile() string {
	values := b.env.goFlag("modfile")
	if len(values) == 0 || values[len(values)-1] == "" {
		return ""
	}
	return absolute(values[len(values)-1], b.cfg.Dir)
}

// race reports whether GOFLAGS turns the race detector on.
func (e *goEnv) race() bool {
	on := false
	for _, v := range e.goFlag("race") {
		if set, err := strconv.ParseBool(cmp.Or(v, "true")); err == nil {
			on = set
		}
	}
	return on
}

// goFlag returns the values that GOFLAGS gives a flag, in that order.
func (e *goEnv) goFlag(name string) []string {
	var values []string
	for _, f := range SplitQuoted(e.GOFLAGS) {
		flag, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-"), "=")
		if flag == name {
			values = append(values, value)
		}
	}
	return values
}

// SplitQuoted splits a value as the go command does (cmd/internal/quoted.Split): at
// white space, and a word may be quoted as a whole. A quote that is not closed
// goes on to the end; the go command refuses it.
func SplitQuoted(s string) []string {
	const space = " \t\n\r"
	var words []string
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		var word string
		if quote := s[0]; quote == '"' || quote == '\'' {
			word, s, _ = strings.Cut(s[1:], string(quote))
		} else {
			end := strings.IndexAny(s, space)
			if end < 0 {
				end = len(s)
			}
			word, s = s[:end], s[end:]
		}
		words = append(words, word)
	}
	return words
}

// gcflags returns the flags that every package is compiled with, besides those
// that follow from the others.
func (b *Builder) gcflags() []string {
	// The linker drops the initialisation of a map that nothing in a plugin reads, if
	// it is a function of its own (go.dev/issue/62430). A later plugin reads it, and
	// the package counts as initialised.
	flags := []string{"-d=wrapglobalmapctl=1", thin.WholeShapes}
	if b.cfg.Debug {
		flags = append(flags, "-N", "-l")
	}
	if thinPlatform(b.env.GOOS, b.env.GOARCH) && !b.cfg.Debug {
		// References go by name, so that any image can resolve them.
		flags = append(flags, "-linkshared")
	}
	if !b.cfg.Debug {
		// Every link drops it, but would first have to load it of all packages:
		// it is a quarter of their archives.
		flags = append(flags, "-dwarf=false")
	}
	return flags
}

// Failure reports that the code is at fault, not the machine: every
// Diagnostic says where.
type Failure struct {
	Diagnostics []manifest.Diagnostic
}

// Error lists the diagnostics, one a line.
func (f *Failure) Error() string {
	lines := make([]string, len(f.Diagnostics))
	for i, d := range f.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Is reports whether code or a module file could not be read for want of
// permission, if the target is fs.ErrPermission.
func (f *Failure) Is(target error) bool {
	return target == fs.ErrPermission && slices.ContainsFunc(f.Diagnostics, func(d manifest.Diagnostic) bool {
		return (d.Code == manifest.CodeCompile || d.Code == manifest.CodeModuleChanged) && denied(d.Message)
	})
}

func failure(ds ...manifest.Diagnostic) *Failure {
	manifest.SortDiagnostics(ds)
	return &Failure{Diagnostics: ds}
}
