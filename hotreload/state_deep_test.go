package hotreload

import (
	"fmt"
	"runtime/debug"
	"testing"
)

// deepSize is how deep or wide the values are. With stackLimit, recursion does not
// get that far.
const (
	deepSize   = 50_000
	stackLimit = 1 << 20
)

type bigValue struct {
	name  string
	old   func(n int) func(*Container)
	count func(*Container) int
}

var bigValues = []bigValue{
	{
		"list",
		func(n int) func(*Container) {
			type node struct {
				V          int
				next, prev *node
			}
			first := &node{}
			for range n - 1 {
				first = &node{V: first.V + 1, next: first}
				first.next.prev = first
			}
			return keep(first)
		},
		func(c *Container) (n int) {
			type node struct {
				prev, next *node
				V          int
				W          string
			}
			for at := StateOf(c, "k", func() *node { return &node{} }).Get(); at != nil && (at.next == nil || at.next.prev == at); at = at.next {
				n++
			}
			return n
		},
	},
	{
		"interfaces within interfaces",
		func(n int) func(*Container) {
			type node struct{ next any }
			var first any
			for range n {
				first = node{first}
			}
			return keep(&node{first})
		},
		func(c *Container) (n int) {
			type node struct {
				next any
				W    int
			}
			for at := StateOf(c, "k", func() *node { return &node{} }).Get().next; at != nil; at = at.(node).next {
				n++
			}
			return n
		},
	},
	{
		"slices within slices",
		func(n int) func(*Container) {
			type node struct{ kids []node }
			var first node
			for range n {
				first = node{[]node{first}}
			}
			return keep(first)
		},
		func(c *Container) (n int) {
			type node struct {
				kids []node
				W    int
			}
			for at := StateOf(c, "k", func() node { return node{} }).Get(); at.kids != nil; at = at.kids[0] {
				n++
			}
			return n
		},
	},
	{
		"maps within maps",
		func(n int) func(*Container) {
			type node map[string]any
			var first node
			for range n / 10 {
				first = node{"next": first, "n": 1}
			}
			return keep(first)
		},
		func(c *Container) (n int) {
			type node map[string]any
			for at := StateOf(c, "k", func() node { return nil }).Get(); at != nil; at = at["next"].(node) {
				n += 10
			}
			return n
		},
	},
	{
		"slice",
		func(n int) func(*Container) {
			type row struct {
				ID   int
				Name string
				Tags []string
				Gone bool
			}
			rows := make([]row, n)
			for i := range rows {
				rows[i] = row{i, "x", []string{"a"}, true}
			}
			return keep(rows)
		},
		func(c *Container) int {
			type row struct {
				ID   int64
				Tags []string
				Name string
			}
			return len(StateOf(c, "k", func() []row { return nil }).Get())
		},
	},
	{
		"map",
		func(n int) func(*Container) {
			type row struct{ ID int }
			rows := map[string]*row{}
			for i := range n {
				rows[fmt.Sprint(i)] = &row{i}
			}
			return keep(rows)
		},
		func(c *Container) (n int) {
			type row struct{ ID int64 }
			for key, row := range StateOf(c, "k", func() map[string]*row { return nil }).Get() {
				if fmt.Sprint(row.ID) == key {
					n++
				}
			}
			return n
		},
	},
}

func TestMigrationOfBigValues(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(stackLimit))
	for _, test := range bigValues {
		t.Run(test.name, func(t *testing.T) {
			s := NewLiveState(nil)
			asGeneration(t, s, test.old(deepSize))
			got := 0
			asGeneration(t, s, func(c *Container) { got = test.count(c) })
			if got != deepSize {
				t.Errorf("got %d of %d", got, deepSize)
			}
		})
	}
}
