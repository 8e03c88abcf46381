package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// observed is what was predicted or what happened.
type observed struct {
	rung        manifest.Rung
	findings    []finding
	diagnostics []manifest.Diagnostic // with their words
	message     string
}

// expected returns what is compared with an expectation. Of what happened, hints
// are left out: an engine may repeat those of the prediction.
func (o observed) expected(hints bool) expected {
	fs := slices.DeleteFunc(slices.Clone(o.findings), func(f finding) bool { return !hints && f.hint() })
	return expected{o.rung, codesOf(fs)}
}

func (o observed) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", cmp.Or(string(o.rung), "none"))
	if o.message != "" {
		fmt.Fprintf(&b, " (%s)", o.message)
	}
	for _, d := range o.diagnostics {
		fmt.Fprintf(&b, "\n\t\t%s", d)
	}
	return b.String()
}

// confusion counts outcomes by what was expected.
type confusion struct {
	mu            sync.Mutex
	rows          map[string]*confusionRow // by what was expected
	missed, alarm []string                 // names of edits
}

type confusionRow struct {
	edits               int
	predicted, happened map[string]int
}

// add compares an edit's three outcomes and fails the test if they disagree.
func (c *confusion) add(t *testing.T, e *edit, predicted, happened observed) {
	t.Helper()
	missed, alarm := differences(e.want, predicted.findings)
	p, h := predicted.expected(true), happened.expected(false)
	if len(missed)+len(alarm) > 0 || p.String() != e.predicted().String() {
		t.Errorf("%s.txtar: %s\n\tpredicted: %s\n\tmissed: %v\n\ttoo much: %v\n\texpected: %s", e.name, e.sentence, predicted, missed, alarm, e.predicted())
	}
	if want := e.happening(); h.String() != want.String() {
		t.Errorf("%s.txtar: %s\n\thappened: %s\n\texpected: %s", e.name, e.sentence, happened, want)
	}
	c.count(e, p, &h)
}

// count adds to the table; happened may be nil.
func (c *confusion) count(e *edit, predicted expected, happened *expected) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows = map[string]*confusionRow{}
	}
	want := e.predicted()
	row := c.rows[want.String()]
	if row == nil {
		row = &confusionRow{predicted: map[string]int{}, happened: map[string]int{}}
		c.rows[want.String()] = row
	}
	row.edits++
	row.predicted[predicted.String()]++
	if happened != nil {
		row.happened[happened.String()]++
	}
	lacks := func(a, b []manifest.Code) bool {
		return slices.ContainsFunc(a, func(x manifest.Code) bool { return !slices.Contains(b, x) })
	}
	if lacks(want.codes, predicted.codes) {
		c.missed = append(c.missed, e.name)
	}
	if lacks(predicted.codes, want.codes) {
		c.alarm = append(c.alarm, e.name)
	}
}

// String returns the table.
func (c *confusion) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "expected\tedits\tpredicted\thappened")
	total := 0
	for _, name := range slices.Sorted(maps.Keys(c.rows)) {
		row := c.rows[name]
		total += row.edits
		predicted, happened := row.counts(row.predicted), row.counts(row.happened)
		for i := range max(len(predicted), len(happened)) {
			cell := func(cells []string) string {
				if i < len(cells) {
					return cells[i]
				}
				return ""
			}
			if i == 0 {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", name, row.edits, cell(predicted), cell(happened))
			} else {
				fmt.Fprintf(w, "\t\t%s\t%s\n", cell(predicted), cell(happened))
			}
		}
	}
	w.Flush()
	slices.Sort(c.missed)
	slices.Sort(c.alarm)
	fmt.Fprintf(&b, "%d edits: %d breaks missed %v, %d false alarms %v\n", total, len(c.missed), c.missed, len(c.alarm), c.alarm)
	return b.String()
}

// counts lists outcomes, the most frequent first.
func (r *confusionRow) counts(m map[string]int) []string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", m[name], name)
	}
	return names
}
