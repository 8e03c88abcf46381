//go:build anvilhot

package hotreload

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// nextProcess returns what a new process begins with: the state of another one.
func nextProcess(t *testing.T, s *LiveState) *LiveState {
	t.Helper()
	data, err := s.container.handOver(t.Context(), control.MaxState, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := NewLiveState(nil)
	if notes := next.container.restore(data); len(notes) > 0 {
		t.Errorf("notes %v", notes)
	}
	return next
}

// What was shared within a value is shared in the same way afterwards.
func TestRestartKeepsSharing(t *testing.T) {
	for name, test := range map[string]func(*testing.T, func(*testing.T, *LiveState) *LiveState){
		"cycles": keepsCycles, "interior references": keepsInteriorReferences, "a reference to itself": keepsSelfReference, "references apart": keepsReferencesApart,
	} {
		t.Run(name, func(t *testing.T) { test(t, nextProcess) })
	}
}

// What a restart does otherwise than a swap, by the name of the migration: what
// the new process finds, and what it notes.
var otherwise = map[string][2]string{
	"functions and channels": {
		"panic: runtime error: invalid memory address or nil pointer dereference", // of a function that initial does not make
		"starts again: its type hotreload.hub is bound to the process that has ended",
	},
	"interfaces": {
		"panic: runtime error: index out of range [0] with length 0", // no value of an unknown type can be kept
		"starts again: field hotreload.drawing.Shapes: 1 value of type hotreload.secret, which the new process finds by no name (hotreload.WithType names it)",
	},
	"locks start unlocked, and once is once": {"panic: twice", ""}, // once in each process
	"what cannot be copied": {
		"1 2 <nil>",
		"dropped: field hotreload.hub.at: 1 value of type unsafe.Pointer, which belongs to the process that has ended; " +
			"field hotreload.hub.pool: 1 value of type sync.Pool, which belongs to the process that has ended",
	},
	"a channel of a hot type": {"2", "starts again: its type chan hotreload.event is bound to the process that has ended"},
}

// Anything else that a swap takes over, and says, a restart does, too.
func TestRestartMigrates(t *testing.T) {
	met := 0
	for _, m := range append(slices.Clip(migrations), specialMigrations...) {
		t.Run(m.name, func(t *testing.T) {
			if other, ok := otherwise[m.name]; ok {
				met++
				m.value, m.note = other[0], other[1]
			}
			s := NewLiveState(nil)
			asGeneration(t, s, m.old())
			var got string
			notes := asGeneration(t, nextProcess(t, s), func(c *Container) {
				defer func() {
					if v := recover(); v != nil {
						got = fmt.Sprint("panic: ", v)
					}
				}()
				got = m.now()(c)
			})
			if got != m.value {
				t.Errorf("got  %s\nwant %s", got, m.value)
			}
			var note string
			for _, d := range notes {
				if d.Code != manifest.CodeStateShape || !strings.HasSuffix(d.File, "_test.go") {
					t.Errorf("note %v", d)
				}
				note += strings.TrimPrefix(d.Message, `state "k" `)
			}
			if head, rest, ok := strings.Cut(note, "; "); ok && strings.HasPrefix(head, "was ") {
				note = rest
			}
			if note != m.note {
				t.Errorf("note %s\nwant %s", note, m.note)
			}
		})
	}
	if met != len(otherwise) {
		t.Errorf("%d of %d exceptions were met", met, len(otherwise))
	}
}

// Nothing is too deep.
func TestRestartOfBigValues(t *testing.T) {
	for _, test := range bigValues {
		t.Run(test.name, func(t *testing.T) {
			s := NewLiveState(nil)
			asGeneration(t, s, test.old(deepSize))
			defer debug.SetMaxStack(debug.SetMaxStack(stackLimit))
			var n int
			asGeneration(t, nextProcess(t, s), func(c *Container) { n = test.count(c) })
			if n != deepSize {
				t.Errorf("%d of %d arrived", n, deepSize)
			}
		})
	}
}

func BenchmarkHandover(b *testing.B) {
	type row struct {
		ID   int
		Name string
		Tags []string
		next *row
	}
	rows := make([]*row, 100_000)
	for i := range rows {
		rows[i] = &row{i, "x", []string{"a"}, rows[max(i-1, 0)]}
	}
	s := NewLiveState(nil)
	StateOf(s.container, "k", func() []*row { return rows })
	b.ReportAllocs()
	for b.Loop() {
		data, err := s.container.handOver(b.Context(), control.MaxState, 0)
		if err != nil {
			b.Fatal(err)
		}
		next := NewLiveState(nil)
		next.container.restore(data)
		if got := len(StateOf(next.container, "k", func() []*row { return nil }).Get()); got != len(rows) {
			b.Fatal(got)
		}
		b.ReportMetric(float64(len(data)), "bytes")
	}
}
