package manifest

import (
	"cmp"
	"maps"
	"slices"
)

// Change is one thing in which two manifests differ: Old is nil if it was
// added, New is nil if it was removed.
type Change[T any] struct {
	Old *T `json:"old,omitempty"`
	New *T `json:"new,omitempty"`
}

// Changes is what differs between two manifests. Every list is in the order of
// Manifest. Where something was registered is no difference.
type Changes struct {
	ABI        *Change[int]      `json:"abi,omitempty"`
	Toolchain  *Change[string]   `json:"toolchain,omitempty"`
	Handlers   *Change[string]   `json:"handlers,omitempty"`
	Routes     []Change[Route]   `json:"routes,omitempty"`
	State      []Change[State]   `json:"state,omitempty"`
	Registered []Change[string]  `json:"registered,omitempty"`
	Host       []Change[Package] `json:"host,omitempty"`
	Hot        []Change[string]  `json:"hot,omitempty"`
	Modules    []Change[string]  `json:"modules,omitempty"`
	GODEBUG    *Change[string]   `json:"godebug,omitempty"`
}

// Diff returns what differs between two manifests. Modules are compared if both
// recorded them.
func Diff(from, to *Manifest) Changes {
	self := func(s string) string { return s }
	c := Changes{
		ABI:       diffValue(from.ABI, to.ABI),
		Toolchain: diffValue(from.Toolchain, to.Toolchain),
		Handlers:  diffValue(from.Handlers, to.Handlers),
		Routes: diffLists(from.Routes, to.Routes, func(r Route) RouteKey { return r.Key() }, RouteKey.Compare,
			func(a, b Route) bool { a.Position, b.Position = Position{}, Position{}; return a == b }),
		State:      diffLists(from.State, to.State, func(s State) string { return s.Key }, cmp.Compare, same),
		Registered: diffLists(from.Registered, to.Registered, self, cmp.Compare, same),
		Host:       diffLists(from.Host, to.Host, func(p Package) string { return p.Path }, cmp.Compare, same),
		Hot:        diffLists(from.Hot, to.Hot, self, cmp.Compare, same),
	}
	if len(from.Modules) > 0 && len(to.Modules) > 0 {
		c.Modules = diffLists(from.Modules, to.Modules, self, cmp.Compare, same)
		c.GODEBUG = diffValue(from.GODEBUG, to.GODEBUG)
	}
	return c
}

// Empty reports whether there is no difference.
func (c Changes) Empty() bool {
	return c.ABI == nil && c.Toolchain == nil && c.Handlers == nil &&
		len(c.Routes) == 0 && len(c.State) == 0 && len(c.Registered) == 0 && len(c.Host) == 0 && len(c.Hot) == 0 &&
		len(c.Modules) == 0 && c.GODEBUG == nil
}

func same[T comparable](a, b T) bool { return a == b }

func diffValue[T comparable](from, to T) *Change[T] {
	if from == to {
		return nil
	}
	return &Change[T]{Old: &from, New: &to}
}

// diffLists compares lists by key, and returns the differences in the order of
// the keys.
func diffLists[T any, K comparable](
	from, to []T, key func(T) K, compare func(K, K) int, same func(T, T) bool,
) []Change[T] {
	changes := map[K]Change[T]{}
	for _, v := range from {
		changes[key(v)] = Change[T]{Old: &v}
	}
	for _, v := range to {
		k := key(v)
		c := changes[k]
		c.New = &v
		changes[k] = c
	}
	var out []Change[T]
	for _, k := range slices.SortedFunc(maps.Keys(changes), compare) {
		if c := changes[k]; c.Old == nil || c.New == nil || !same(*c.Old, *c.New) {
			out = append(out, c)
		}
	}
	return out
}
