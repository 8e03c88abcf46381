package thin

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Tool runs a program in a directory and returns its error, with what it said.
type Tool func(ctx context.Context, dir, name string, args ...string) error

// Version changes when plugins are linked in another way, so that what was found
// out about the former does not count.
const Version = 3

// Linker links plugins. It is safe for concurrent use; it must not be copied or changed
// after the first.
type Linker struct {
	// GoLink is the path of the Go linker, SystemLink that of ld, mold or lld.
	GoLink, SystemLink string
	// Nothing is a program that does nothing and succeeds: the Go linker runs it
	// where it would run the C compiler.
	Nothing string
	// Run starts a tool.
	Run Tool
	// Flags are given to the Go linker besides those that thin linking needs.
	Flags []string

	archived archivedTypes
}

// Job is one plugin.
type Job struct {
	// Out is the plugin to write, Dir an existing directory for scratch files.
	Out, Dir string
	// Path is the import path of the plugin's main package, and Main its archive.
	// It may be any package; its initialisation is what the plugin runs.
	Path, Main string
	// Archives are the packages that are linked, by import path, without Main.
	Archives map[string]string
	// Own are those of Archives that no other plugin has under that path. Main is
	// so too, and no other package refers to it.
	Own []string
	// Private are those of Archives to which nothing outside of the plugin refers.
	Private []string
	// Shared are the archives of all other packages, by import path. Images have
	// what is needed of them; what they lack is taken from here.
	Shared map[string]string
	// Images are what the process has loaded, in that order.
	Images []*Image
	// Flags are given to the Go linker for this plugin.
	Flags []string
	// SystemFlags are given to SystemLink for this plugin.
	SystemFlags []string
}

// Report says how a plugin was linked.
type Report struct {
	// Needs are the images that provide what the plugin leaves undefined, in the order of the job.
	Needs []*Image
	// Pulled are packages that images provide only in part, and which were linked
	// for the rest of it, sorted.
	Pulled []string
}

// ErrNotThin says that a plugin cannot be linked thin. The text says why.
var ErrNotThin = errors.New("cannot be linked thin")

// pulls bounds how often packages are added because the linker misses symbols.
const pulls = 12

// Link makes a plugin. An error means that it takes a full link, unless ctx has ended.
func (l *Linker) Link(ctx context.Context, j Job) (*Report, error) {
	if len(j.Images) == 0 {
		return nil, fmt.Errorf("%w: no image is loaded", ErrNotThin)
	}
	in := &inputs{job: &j, all: map[string]*input{}}
	first := maps.Clone(j.Archives)
	if first == nil {
		first = map[string]string{}
	}
	first[j.Path] = j.Main
	if err := in.add(first, false); err != nil {
		return nil, err
	}
	var report Report
	for range pulls {
		var missing []string
		names, err := l.goLink(ctx, j, in)
		if err == nil {
			report.Needs, missing, err = l.systemLink(ctx, j, in, names)
		} else {
			missing = missedSymbols(err.Error())
		}
		switch {
		case err == nil:
			slices.Sort(report.Pulled)
			return &report, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		for i, name := range missing {
			missing[i] = cmp.Or(names[name], name)
		}
		more := j.search(in.together(missing), in.all)
		if len(more) == 0 {
			return nil, fmt.Errorf("%w: %w", ErrNotThin, err)
		}
		pulled := map[string]string{}
		for _, path := range more {
			pulled[path] = j.Shared[path]
		}
		if err := in.add(pulled, true); err != nil {
			return nil, err
		}
		report.Pulled = append(report.Pulled, more...)
	}
	return nil, fmt.Errorf("%w: too much is missing, in the end from %s", ErrNotThin, report.Pulled[len(report.Pulled)-1])
}

// stubName is the stub's file name. The plugin remembers it.
const stubName = "loaded.so"

// goLink has the Go linker write go.o. It returns the names of symbols by the
// form that they have in it, where that is hashed.
func (l *Linker) goLink(ctx context.Context, j Job, in *inputs) (map[string]string, error) {
	content, names, err := l.stub(j, in)
	if err != nil {
		return nil, err
	}
	stubFile := filepath.Join(j.Dir, stubName)
	if err := os.WriteFile(stubFile, content, 0o666); err != nil {
		return nil, fmt.Errorf("writing link files: %w", err)
	}
	var cfg strings.Builder
	for _, path := range slices.Sorted(maps.Keys(in.all)) {
		if path != j.Path {
			fmt.Fprintf(&cfg, "packagefile %s=%s\n", path, in.all[path].file)
		}
	}
	for path := range j.Shared {
		if _, ok := in.all[path]; !ok {
			fmt.Fprintf(&cfg, "packageshlib %s=%s\n", path, stubFile)
		}
	}
	cfgFile := filepath.Join(j.Dir, "thin.linkcfg")
	if err := os.WriteFile(cfgFile, []byte(cfg.String()), 0o666); err != nil {
		return nil, fmt.Errorf("writing link files: %w", err)
	}
	args := []string{
		"-o", j.Out, "-importcfg", cfgFile, "-buildmode=plugin", "-linkshared", "-linkmode=external", "-buildid=",
		"-pluginpath", j.Path, "-tmpdir", j.Dir, "-extld=" + l.Nothing, "-s", "-w",
		// There is no debug information to compress; the linker would try out whether
		// the system's linker can.
		"-compressdwarf=false",
	}
	args = slices.Concat(args, l.Flags, j.Flags)
	return names, l.Run(ctx, j.Dir, l.GoLink, append(args, in.all[j.Path].file)...)
}

// stub returns the library that stands for the images.
func (l *Linker) stub(j Job, in *inputs) (content []byte, names map[string]string, err error) {
	s := &stub{images: j.Images, exports: map[string]export{}, archived: j.archived(&l.archived)}
	for _, r := range always {
		s.add(r)
	}
	names = map[string]string{}
	for o := range in.objects() {
		for _, r := range o.references() {
			if r.name == symbolModule {
				continue
			}
			if !s.add(r) {
				names[mangle(r.name)] = r.name
			}
		}
		for i := range o.defined() {
			if name := o.name(i); strings.HasPrefix(name, "type:") {
				names[mangle(name)] = name
			}
		}
		for _, name := range o.variableTypes() {
			s.addType(name, "")
		}
	}
	content, err = s.bytes()
	return content, names, err
}

// missingSymbol are the words with which the Go linker names a symbol that it does not find, or not
// where it needs it, on each machine its own. Names of types without a name have spaces.
var missingSymbol = regexp.MustCompile(`(?m)(?:missing section for relocation target|section-relative reloc:|` +
	`undefined symbol in relocation:|missing section for|relocation target|unreachable sym in relocation:) ` +
	`(.+?)(?: not defined.*)?$`)

// missedSymbols returns the symbols that the Go linker misses, by what it said.
func missedSymbols(text string) []string {
	var out []string
	for _, m := range missingSymbol.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// systemLink makes the plugin of go.o. It returns the images that the plugin
// needs, or the symbols that none has: the dynamic linker would refuse it.
func (l *Linker) systemLink(
	ctx context.Context, j Job, in *inputs, names map[string]string,
) (needs []*Image, missing []string, err error) {
	name := filepath.Join(j.Dir, "go.o")
	object, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, fmt.Errorf("the Go linker wrote no object: %w", err)
	}
	found, err := rewrite(object, j.visibility(names))
	if err != nil {
		return nil, nil, err
	}
	objects, provided, err := hostObjects(j.Dir)
	if err != nil {
		return nil, nil, err
	}
	wanted := slices.DeleteFunc(found.undefined, func(name string) bool { return provided[name] })
	if needs, missing = providers(j.Images, append(wanted, in.copies(found.defined)...)); len(missing) > 0 {
		return nil, missing, fmt.Errorf("no loaded image has %s", cmp.Or(names[missing[0]], missing[0]))
	}
	next, err := moduleNext(j.Images[0])
	if err != nil {
		return nil, nil, err
	}
	extra, err := supportObject(j.Images[0].machine, next, found.register)
	if err != nil {
		return nil, nil, err
	}
	support := filepath.Join(j.Dir, "support.o")
	if err := os.WriteFile(support, extra, 0o666); err != nil {
		return nil, nil, fmt.Errorf("writing link files: %w", err)
	}
	if err := os.WriteFile(name, object, 0o666); err != nil {
		return nil, nil, fmt.Errorf("writing link files: %w", err)
	}
	// Without text relocations what is not writable stays as it is in the file, and
	// can be dropped from memory.
	args := []string{"-shared", "-z", "text", "-z", "now", "-z", "relro", "-z", "nocopyreloc", "-z", "nodelete",
		"--build-id=none", "--hash-style=gnu", "-s", "-o", j.Out}
	if err := l.Run(ctx, j.Dir, l.SystemLink, slices.Concat(args, j.SystemFlags, []string{name, support},
		objects)...); err != nil {
		_ = os.Remove(j.Out) // a cancelled linker leaves a part
		return nil, nil, err
	}
	return needs, nil, nil
}

// visibility returns how visible the plugin's symbols are to be. The dynamic
// linker looks each one that is not hidden up in everything that was loaded
// before, by tables which then stay in memory, so:
//
//   - What carries the path of Main, or of a private package, in its name, and names
//     of types and what compares them, which each package has for itself, nobody
//     else refers to.
//   - What carries the path of another package of its own is for later plugins,
//     but cannot be found in an earlier one.
//   - For everything else the first image that has it counts, as for types such
//     as []string, which are the same for all.
func (j *Job) visibility(names map[string]string) func(name string) elf.SymVis {
	dotted := func(paths ...string) (out []string) {
		for _, path := range paths {
			out = append(out, SymbolPath(path)+".")
		}
		return out
	}
	private, own := dotted(append(slices.Clone(j.Private), j.Path)...), dotted(j.Own...)
	return func(name string) elf.SymVis {
		if full, ok := names[name]; ok {
			name = full
		}
		mentions := func(path string) bool { return strings.Contains(name, path) }
		switch {
		case strings.HasPrefix(name, "go:link.pkghash"): // see rewrite
			return elf.STV_HIDDEN
		case strings.HasPrefix(name, "type:."), slices.ContainsFunc(private, mentions):
			return elf.STV_HIDDEN
		case slices.ContainsFunc(own, mentions):
			return elf.STV_PROTECTED
		}
		return elf.STV_DEFAULT
	}
}

// providers returns the images that have the symbols, besides the first, which
// every process has, and the symbols that none has.
func providers(images []*Image, undefined []string) (needs []*Image, missing []string) {
	needed := map[*Image]bool{}
	for _, name := range undefined {
		if name == symbolNothing || strings.HasPrefix(name, symbolHash) {
			continue // of the support object
		}
		if im, _, ok := find(images, name); ok {
			needed[im] = true
		} else {
			missing = append(missing, name)
		}
	}
	for _, im := range images[1:] {
		if needed[im] {
			needs = append(needs, im)
		}
	}
	return needs, missing
}

// Machine returns the machine that an image is for.
func (im *Image) Machine() elf.Machine { return im.machine }
