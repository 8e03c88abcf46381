package build

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/compile"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/link"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// Config says what to build and how. Its zero value, but for Dir and OutDir,
// is a usable configuration.
type Config struct {
	// Dir is the directory of the application: that of its main package, or one above it. Absolute.
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
	// Progress is told of long work that runs in the background, such as
	// compiling again what the build cache has lost. It may be nil.
	Progress Progress
}

// Failure is code that is at fault; see [gocmd.Failure].
type Failure = gocmd.Failure

// Errors of the packages below; see there.
var (
	ErrSetup     = gocmd.ErrSetup
	ErrUnchecked = compile.ErrUnchecked
)

// Graph, Package and Progress are what the go command says of a program and of its
// packages, and of its own work.
type (
	Graph    = golist.Graph
	Package  = golist.Package
	Progress = golist.Progress
)

// Builder builds one application. It is safe for concurrent use.
type Builder struct {
	cfg      Config
	tools    *gocmd.Toolchain
	list     *golist.Lister
	compiler compile.Compiler
	full     *link.Full // makes executables, and any plugin
	thin     *link.Thin // makes plugins of what is not loaded yet

	ahead ahead
	// recompiles: hot packages are compiled under the path of each generation, not renamed.
	recompiles bool
	// needed are the files that the newest generations need, by their numbers; see Prune.
	needed map[int][]string
}

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
	// The go command and the linker put their scratch files where the next engine removes them.
	b.cfg.Env = append(slices.Clone(cfg.Env), "GOTMPDIR="+tmp, "TMPDIR="+tmp)
	b.tools, err = gocmd.New(ctx, gocmd.Settings{Dir: cfg.Dir, Go: cfg.Go, Environ: b.cfg.Env, Tags: cfg.Tags,
		Race: cfg.Race, Debug: cfg.Debug})
	if err != nil {
		return nil, err
	}
	b.list = &golist.Lister{Toolchain: b.tools, Assets: cfg.Assets}
	b.compiler = compile.Compiler{Lister: b.list}
	b.full = link.NewFull(ctx, b.tools, cfg.OutDir)
	b.thin = link.NewThin(b.tools, link.ThinOptions{CacheDir: cfg.CacheDir, FullLink: cfg.FullLink, Try: b.try})
	// What is renamed keeps its old names in debug information, and in formats that are
	// not known here.
	b.recompiles = b.thin.Off() != ""
	return b, nil
}

// Toolchain returns the Go version and platform, as the manifest records it.
func (b *Builder) Toolchain() string { return b.tools.Version() }

// Unheeded returns the flags of GOFLAGS that the live server is built without, as
// they are written, in that order.
func (b *Builder) Unheeded() []string { return b.tools.Unheeded() }

// Main finds the main package of the application: the configured one, the one
// in Dir if it serves, or the only one below Dir that does. It returns an import
// path or a path that the go command accepts in its place.
func (b *Builder) Main(ctx context.Context) (string, error) {
	return discover.Main(ctx, b.list, b.cfg.Main)
}

// Address returns the address that main gives to LiveServer; see [discover.Address].
func (b *Builder) Address(
	ctx context.Context, main string, args []string, getenv func(string) string,
) (addr string, unread manifest.Position, known bool) {
	return discover.Address(ctx, b.list, main, args, getenv)
}

// Graph loads the import graph below a main package; see [golist.Lister.Graph].
func (b *Builder) Graph(ctx context.Context, main string) (*Graph, error) {
	return b.list.Graph(ctx, main)
}

// TypeCheck looks for mistakes in the code of an application without compiling
// anything; see [compile.TypeCheck].
func (b *Builder) TypeCheck(ctx context.Context, s *Snapshot) error {
	return compile.TypeCheck(ctx, b.list, s.graph)
}
