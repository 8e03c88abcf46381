package doctor

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// manyCuts is how many imports of main are proposed to be cut at once, and manyImports how many
	// are tried for it: the work grows with its fourth power.
	manyCuts    = 4
	manyImports = 14
	// worthwhile is how many more packages have to become hot.
	worthwhile = 2
)

// edge is an import.
type edge struct{ from, to string }

// hotWithout returns how many packages would be hot if imports were cut: those that the handlers
// package reaches, and main does not but through it. What main does not import any more, the
// handlers package does.
func (b *Boundary) hotWithout(cut ...edge) int {
	reach := func(queue []string) map[string]bool {
		reached := map[string]bool{}
		for _, path := range queue {
			reached[path] = true
		}
		for len(queue) > 0 {
			from := queue[0]
			queue = queue[1:]
			for _, to := range b.imports[from] {
				if !reached[to] && to != b.Handlers && !slices.Contains(cut, edge{from, to}) {
					reached[to] = true
					queue = append(queue, to)
				}
			}
		}
		return reached
	}
	host := reach([]string{b.Main})
	start := []string{b.Handlers}
	for _, e := range cut {
		if e.from == b.Main {
			start = append(start, e.to)
		}
	}
	hot := 0
	for path := range reach(start) {
		if !host[path] && !slices.ContainsFunc(b.Host, func(h HostPackage) bool { return h.Path == path && h.Native != "" }) {
			hot++
		}
	}
	return hot
}

// advise says which imports keep most packages from being hot: those of main itself, which move
// with the code that constructs what they hold, and the one import anywhere that is worth most. It
// is empty if there is little to gain.
func (b *Boundary) advise() []string {
	now, all := b.hotWithout(), len(b.imports)
	var out []string
	if cut, hot := b.bestOfMain(now); hot-now >= worthwhile {
		names := make([]string, len(cut))
		for i, e := range cut {
			names[i] = b.short(e.to)
		}
		out = append(out, fmt.Sprintf("if %s did not import %s, %d of %d packages would be hot instead of %d: construct "+
			"what they hold in the handlers package, "+
			"and let main provide only what holds a connection", b.short(b.Main), joined(names), hot, all, now))
	}
	best, most := edge{}, now
	for _, from := range sortedKeys(b.imports) {
		for _, to := range b.imports[from] {
			if from == b.Main || to == b.Handlers {
				continue
			}
			if hot := b.hotWithout(edge{from, to}); hot > most {
				best, most = edge{from, to}, hot
			}
		}
	}
	if most-now >= worthwhile {
		out = append(out, fmt.Sprintf("cut the import %s → %s first: without it %d of %d packages would be hot",
			b.short(best.from), b.short(best.to), most, all))
	}
	return out
}

// bestOfMain returns the fewest imports of main without which most packages would be hot, or nearly
// as many, and how many those are.
func (b *Boundary) bestOfMain(now int) (cut []edge, hot int) {
	var imports []edge
	for _, to := range b.imports[b.Main] {
		if to != b.Handlers {
			imports = append(imports, edge{b.Main, to})
		}
	}
	if len(imports) > manyImports {
		// Those that most others are imported by.
		weight := map[edge]int{}
		for _, e := range imports {
			weight[e] = len(b.imports[e.to])
		}
		slices.SortStableFunc(imports, func(x, y edge) int { return weight[y] - weight[x] })
		imports = imports[:manyImports]
	}
	best := make([][]edge, manyCuts+1)
	counts := make([]int, manyCuts+1)
	var choose func(from int, chosen []edge)
	choose = func(from int, chosen []edge) {
		if n := len(chosen); n > 0 {
			if hot := b.hotWithout(chosen...); hot > counts[n] {
				best[n], counts[n] = slices.Clone(chosen), hot
			}
		}
		if len(chosen) == manyCuts {
			return
		}
		for i := from; i < len(imports); i++ {
			choose(i+1, append(chosen, imports[i]))
		}
	}
	choose(0, nil)
	most := slices.Max(counts)
	for n := 1; n <= manyCuts; n++ {
		if gain := counts[n] - now; gain > 0 && 10*gain >= 8*(most-now) {
			return best[n], counts[n]
		}
	}
	return nil, now
}

// joined writes a list as a sentence has it.
func joined(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
