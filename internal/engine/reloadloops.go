package engine

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"time"
)

// reloadLoops notices files that change because of what is loaded for their change:
// AnvilRegisterRoutes writes one that is embedded, or a generator runs after each reload. It would
// go on for ever. A person who saves again and again is not taken for one: such a save has nothing
// to do with the moment of loading.
type reloadLoops struct {
	loading, live time.Time       // when the last generation began to be loaded, and when it served
	files         map[string]bool // that have changed in each round
	count         int
	ignored       map[string]bool // to go round
}

const (
	// maxLoops is how often the same files may change because of what is loaded.
	maxLoops = 5
	// embeddedAfter and generatedAfter are how long after a generation serves a change of a file that
	// is not Go source, or is marked as generated, counts as its effect.
	embeddedAfter  = 500 * time.Millisecond
	generatedAfter = 2 * time.Second
)

// served notes that a generation went live that began to be loaded at a time.
func (r *reloadLoops) served(loading, now time.Time) { r.loading, r.live = loading, now }

// forget makes every file count again.
func (r *reloadLoops) forget() { *r = reloadLoops{loading: r.loading, live: r.live} }

// observe notes files that changed, the first of them at a time, and reports whether they are to be
// left alone. The message is for the first time that they are.
func (r *reloadLoops) observe(
	files []string, first time.Time, relative func([]string) []string,
) (leave bool, message string) {
	if len(files) == 0 {
		return false, ""
	}
	during := r.during(files, first)
	if !during {
		r.files, r.count = nil, 0
		return false, ""
	}
	if r.all(r.ignored, files) {
		return true, ""
	}
	if !r.all(r.files, files) {
		r.files, r.count = map[string]bool{}, 0
		for _, f := range files {
			r.files[f] = true
		}
	}
	if r.count++; r.count <= maxLoops {
		return false, ""
	}
	if r.ignored == nil {
		r.ignored = map[string]bool{}
	}
	maps.Copy(r.ignored, r.files)
	who := "what runs when a generation is loaded, such as AnvilRegisterRoutes, writes it"
	if first.After(r.live) {
		who = "the program, or something that waits for it, writes it"
	}
	names := strings.Join(relative(slices.Sorted(maps.Keys(r.files))), ", ")
	return true, fmt.Sprintf("%s changed in each of the last %d generations because that was loaded: %s. "+
		"From now on such a change alone reloads nothing; `anvil-lsp ctl reload` does", names, r.count, who)
}

func (r *reloadLoops) all(known map[string]bool, files []string) bool {
	return !slices.ContainsFunc(files, func(f string) bool { return !known[f] })
}

// during reports whether a change is close enough to the last generation's loading to be its
// effect.
func (r *reloadLoops) during(files []string, first time.Time) bool {
	if r.loading.IsZero() || first.Before(r.loading) {
		return false
	}
	end := r.live
	switch {
	case !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, ".go") }):
		end = end.Add(embeddedAfter)
	case !slices.ContainsFunc(files, func(f string) bool { return !generated(f) }):
		end = end.Add(generatedAfter)
	}
	return !first.After(end)
}

// generated reports whether a file says that no person writes it.
func generated(path string) bool {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
	return err == nil && ast.IsGenerated(f)
}
