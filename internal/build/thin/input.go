package thin

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// input is an archive that is linked, as a file that the linker reads.
type input struct {
	file    string
	objects []*object
	// loaded are the types of images of which the archive holds copies, by the names
	// that they have there.
	loaded map[string]bool
}

// read prepares an archive for a link with images. Descriptors of types that an image has are
// copies, which nothing looks at once the plugin is loaded. The linker does not know: it would link
// the methods of each, and all that those need. So they are cut from a copy of the archive, which
// is written to copyTo. If the process has the package, what a C compiler made of it is in an image
// as a whole, with variables of its own, and must not come twice.
func read(archive, copyTo string, images []*Image, has bool) (*input, error) {
	data, err := os.ReadFile(archive)
	if err != nil {
		return nil, fmt.Errorf("reading a compiled package: %w", err)
	}
	in := &input{file: archive, loaded: map[string]bool{}}
	if in.objects, err = parseObjects(archive, data); err != nil {
		return nil, err
	}
	for _, o := range in.objects {
		for i := range o.defined() {
			name := o.name(i)
			if !isType(name) {
				continue
			}
			mangled := mangle(name)
			if _, _, ok := find(images, mangled); ok {
				in.loaded[mangled] = true
				o.cut(i)
			}
		}
	}
	changed := len(in.loaded) > 0
	if has {
		n := len(data)
		data = withoutC(data)
		changed = changed || len(data) < n
	}
	if !changed {
		return in, nil
	}
	if err := os.WriteFile(copyTo, data, 0o666); err != nil {
		return nil, fmt.Errorf("writing link files: %w", err)
	}
	in.file = copyTo
	return in, nil
}

// inputs are the archives of a link, by import path. That of the main package
// has the path of the job.
type inputs struct {
	job *Job
	all map[string]*input
}

// add reads archives by import path. has says that the process has the packages.
func (in *inputs) add(archives map[string]string, has bool) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	n := len(in.all)
	for path, archive := range archives {
		n++
		copyTo := filepath.Join(in.job.Dir, "input"+strconv.Itoa(n)+".a")
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			one, err := read(archive, copyTo, in.job.Images, has)
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
			in.all[path] = one
		})
	}
	wg.Wait()
	return failed
}

// objects iterates over the objects of all archives, in the order of their paths.
func (in *inputs) objects() func(yield func(*object) bool) {
	return func(yield func(*object) bool) {
		for _, path := range slices.Sorted(maps.Keys(in.all)) {
			for _, o := range in.all[path].objects {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// copies returns those of the symbols that are descriptors without their methods:
// an image must have the whole ones.
func (in *inputs) copies(defined []string) []string {
	var out []string
	for _, name := range defined {
		for _, one := range in.all {
			if one.loaded[name] {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// together returns the symbols with those that are going to be missed next: the
// linker names twenty at most, and whoever needs a method of a type needs all.
func (in *inputs) together(symbols []string) []string {
	missed := map[string]bool{}
	for _, name := range symbols {
		missed[name] = true
	}
	out := slices.Clone(symbols)
	for o := range in.objects() {
		for i := range o.defined() {
			if !isType(o.name(i)) {
				continue
			}
			var methods []string
			hit := false
			for _, r := range o.methodOffsets(i) {
				if t := o.resolve(r.target()); t >= o.defined() {
					methods = append(methods, o.name(t))
					hit = hit || missed[o.name(t)]
				}
			}
			if hit {
				out = append(out, methods...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// search returns shared packages that define the symbols, sorted: first each in
// the package that its name tells, then wherever it is found. Instances of
// generic types, and what belongs to types without a name, are in the archive of
// whichever package was compiled first of those that need them.
func (j *Job) search(symbols []string, linked map[string]*input) []string {
	byName := j.byName()
	more := map[string]bool{}
	var rest []string
	for _, name := range symbols {
		path, ok := byName[packageOf(name)]
		// The runtime hangs together: one function would bring most of it.
		if ok && path == "runtime" {
			continue
		}
		if _, done := linked[path]; ok && !done && defined(j.Shared[path], []string{name}) != nil {
			more[path] = true
		} else {
			rest = append(rest, name)
		}
	}
	// The smallest archives first: they bring the least with them.
	type candidate struct {
		path string
		size int64
	}
	var candidates []candidate
	for path, archive := range j.Shared {
		if _, done := linked[path]; done || path == "runtime" {
			continue
		}
		if info, err := os.Stat(archive); err == nil {
			candidates = append(candidates, candidate{path, info.Size()})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.path, b.path))
	})
	for _, c := range candidates {
		if len(rest) == 0 {
			break
		}
		found := defined(j.Shared[c.path], rest)
		if len(found) == 0 {
			continue
		}
		more[c.path] = true
		rest = slices.DeleteFunc(rest, func(name string) bool { return slices.Contains(found, name) })
	}
	return slices.Sorted(maps.Keys(more))
}

// defined returns those of the symbols that an archive defines.
func defined(archive string, symbols []string) []string {
	data, err := os.ReadFile(archive)
	if err != nil {
		return nil // what cannot be read defines nothing
	}
	if !slices.ContainsFunc(symbols, func(name string) bool { return bytes.Contains(data, []byte(name)) }) {
		return nil
	}
	objects, err := parseObjects(archive, data)
	if err != nil {
		return nil
	}
	var out []string
	for _, name := range symbols {
		if slices.ContainsFunc(objects, func(o *object) bool { return o.defines(name) >= 0 }) {
			out = append(out, name)
		}
	}
	return out
}
