package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// output tries to write and to listen where the engine will.
func (d *doctor) output() {
	dir := filepath.Dir(d.socket)
	name := filepath.Base(dir)
	_, err := os.Lstat(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	out, err := outdir.Make(dir)
	if err != nil {
		advice := "make the application's directory writable"
		switch {
		case errors.Is(err, outdir.ErrRefused):
			advice = "remove it, or move it away"
		case errors.Is(err, syscall.EROFS):
			advice = outdir.Advice(dir, err)
		}
		d.add(name, Failed, advice, "%v", err)
		d.add("socket", Skipped, "", "needs %s", name)
		return
	}
	defer out.Close()
	if fresh {
		defer os.Remove(dir) // leaves it alone if an engine moved in meanwhile
	}
	const probe = "doctor"
	err = out.Write(probe, []byte("can this be written?"))
	if err == nil {
		err = out.Remove(probe)
	}
	if err == nil {
		err = outdir.Executable(dir)
	}
	if err != nil {
		d.add(name, Failed, cmp.Or(outdir.Advice(dir, err),
			"make it writable, or remove it: it holds only what can be built again"), "%v", err)
	} else {
		d.add(name, OK, "", "%s can be written", dir)
	}
	d.listen(dir)
}

func (d *doctor) listen(dir string) {
	// As long as the engine's, so that a limit of the system shows.
	trial := filepath.Join(dir, "doctor"+filepath.Ext(d.socket))
	l, err := transport.ListenUnix(trial)
	if err != nil {
		advice := "use a directory on a local file system"
		if errors.Is(err, transport.ErrPathTooLong) {
			advice = "move the workspace to a shorter path"
		}
		d.add("socket", Failed, advice, "%v", err)
		return
	}
	if err := errors.Join(l.Close(), os.Remove(trial)); err != nil {
		d.add("socket", Warning, "", "%v", err)
		return
	}
	d.add("socket", OK, "", "%s (%d bytes)", d.socket, len(d.socket))
}

// program loads the program, draws its boundary, and looks whether it compiles.
func (d *doctor) program(ctx context.Context) {
	const name = "program"
	if !d.report.OK() {
		d.add(name, Skipped, "", "needs what failed above")
		return
	}
	if (d.env.GOMOD == "" || d.env.GOMOD == os.DevNull) && d.env.GOWORK == "" {
		d.add(name, Skipped, "name the directory of an application, or make one with: anvil-lsp init DIR",
			"%s is not in a Go module", d.dir)
		return
	}
	snap, looked, err := d.inspect(ctx)
	if snap != nil {
		d.snap = snap
		d.report.Boundary = boundary(snap)
		d.report.Hints = hints(d.report.Boundary)
	}
	if f, ok := errors.AsType[*build.Failure](err); ok {
		what := "cannot be loaded"
		if snap != nil {
			what = "does not compile"
		}
		d.report.Problems = f.Diagnostics
		d.add(name, Failed, "fix the code", "%s", what)
		return
	}
	if err != nil {
		d.add(name, Failed, "", "%s", strings.TrimPrefix(err.Error(), build.ErrSetup.Error()+": "))
		return
	}
	found := fmt.Sprintf("%s, handlers package %s", snap.Main(), snap.Handlers())
	const cold = "Go's build cache does not hold all that it imports yet"
	switch looked {
	case compiled:
		d.add(name, OK, "", "%s", found)
	case typeChecked:
		d.add(name, OK, "", "%s; type-checked only, and the first start takes longer: %s", found, cold)
	default:
		d.add(name, Skipped, "anvil-lsp check tells whether it compiles, however long that takes",
			"%s; not compiled within %s: %s", found, d.compileLimit(), cold)
	}
}

// look is how a program was looked at.
type look int

const (
	loadedOnly look = iota
	typeChecked
	compiled
)

// inspect loads the program, and compiles its packages if there is time, or else checks their
// types. Code that is at fault is a *build.Failure, with a snapshot if it can be loaded.
func (d *doctor) inspect(ctx context.Context) (*build.Snapshot, look, error) {
	b, err := build.New(ctx, build.Config{Dir: d.dir, Main: d.o.Main, Tags: d.o.Tags, Go: d.o.Go,
		OutDir: filepath.Join(d.tmp, "out")})
	if err != nil {
		return nil, loadedOnly, err
	}
	defer b.Close()
	if flags := b.Unheeded(); len(flags) > 0 {
		d.add("GOFLAGS", Warning, "", "the live server is built without %s", strings.Join(flags, ", "))
	}
	d.progress("loading the program")
	main, err := b.Main(ctx)
	if err != nil {
		return nil, loadedOnly, err
	}
	snap, _, err := b.Inspect(ctx, main)
	if err != nil {
		return nil, loadedOnly, err
	}
	limited, cancel := context.WithTimeout(ctx, d.compileLimit())
	defer cancel()
	prepared, _, err := b.Prepare(limited, main, d.o.Progress)
	switch {
	case ctx.Err() != nil:
		return snap, loadedOnly, context.Cause(ctx)
	case limited.Err() != nil && err != nil:
		d.progress("checking types")
		err := b.TypeCheck(ctx, snap)
		if errors.Is(err, build.ErrUnchecked) {
			return snap, loadedOnly, nil
		}
		return snap, typeChecked, err
	case err != nil:
		return snap, compiled, err
	}
	if found := prepared.Mistakes(); len(found) > 0 {
		return prepared, compiled, &build.Failure{Diagnostics: found}
	}
	return prepared, compiled, nil
}

// compileLimit bounds the compiling of the program's packages. What it compiles is in Go's build
// cache for the first start.
func (d *doctor) compileLimit() time.Duration { return 5 * d.o.PluginLimit }

// watching watches, for a moment, all directories that the engine will.
func (d *doctor) watching() {
	const name = "file watching"
	dirs := []string{d.dir}
	if d.snap != nil {
		dirs = slices.DeleteFunc(d.snap.Dirs(), func(dir string) bool { // some are still to appear
			_, err := os.Stat(dir)
			return errors.Is(err, fs.ErrNotExist)
		})
	}
	w, err := fsnotify.NewWatcher()
	for _, dir := range dirs {
		if err == nil {
			err = w.Add(dir)
		}
	}
	if w != nil {
		err = errors.Join(err, w.Close())
	}
	limits, advice := d.watchLimits()
	if err != nil {
		d.add(name, Failed, advice, "%d directories cannot be watched%s: %v", len(dirs), limits, err)
		return
	}
	count := "1 directory"
	if len(dirs) != 1 {
		count = fmt.Sprintf("%d directories", len(dirs))
	}
	if silent := silentFileSystems(dirs); silent != "" {
		d.add(name, Warning, "put the code on a file system of this machine, or reload with `anvil-lsp ctl reload`",
			"%s%s; %s does not send events of all changes, so files there are looked at twice a second", count, limits, silent)
		return
	}
	d.add(name, OK, "", "%s%s", count, limits)
}

// silentFileSystems returns what directories are on that does not send events of all changes.
func silentFileSystems(dirs []string) string {
	var names []string
	for _, dir := range dirs {
		if name := watch.Silent(dir); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// watchLimits returns what the system says about its limits, and how to raise them.
func (d *doctor) watchLimits() (limits, advice string) {
	if runtime.GOOS != "linux" {
		return "", "raise the limit of open files: ulimit -n 8192"
	}
	read := func(name string) string {
		data, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
		if err != nil {
			return "?"
		}
		return strings.TrimSpace(string(data))
	}
	return fmt.Sprintf(" (limits of the system for all programs of a user: %s watches, %s instances)",
			read("max_user_watches"), read("max_user_instances")),
		"raise the limits: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024"
}
