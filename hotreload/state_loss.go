package hotreload

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// namedType is a type as messages name it: one of this process, or one that
// another process has told of.
type namedType interface {
	Name() string
	String() string
}

// site is where in a state a value is: in a field of a struct type, or where
// there is none around it, simply in the state.
type site struct {
	owner namedType // the struct in its old form; nil for the state itself
	field string
	// asked: a hook asked for just this value by name.
	asked bool
}

func (s site) String() string {
	switch {
	case s.owner == nil:
		return "the value"
	case s.owner.Name() == "":
		return "field " + s.field
	}
	return "field " + symbol.NameOf(s.owner) + "." + s.field
}

// lossKind says what became of a value that was not taken over as it should be.
type lossKind uint8

const (
	lossType       lossKind = iota // the new type is too different
	lossGone                       // there is no such field any more
	lossRange                      // the number does not fit
	lossBeyond                     // the array is shorter
	lossKey                        // another entry has the same key now
	lossCode                       // a function or channel of hot types
	lossUncopyable                 // a type that forbids it
	lossMethods                    // the interface asks for other methods
	lossMoved                      // it was changed while it was copied
	lossProcess                    // it belongs to a process that has ended
	lossUnknown                    // the type in an interface has no known name in the new process
	lossMarshal                    // the type could not write or read itself
	// What follows is no loss of a value.
	keptType  // the new type is not known
	keptApart // what was one value is two
	keptInto  // a pointer leads into the old value
)

// loss is what happened to one or more values in the same place for the same
// reason.
type loss struct {
	kind     lossKind
	site     site
	from, to namedType // to is nil if kind says it all
}

func (l loss) kept() bool { return l.kind >= keptType }

// whole reports whether nothing at all was taken over.
func (l loss) whole() bool { return !l.kept() && l.kind != lossGone && l.kind != lossBeyond }

// describe says it of n values.
func (l loss) describe(n int) string {
	values := fmt.Sprintf("%s: %d values", l.site, n)
	if n == 1 {
		values = fmt.Sprintf("%s: 1 value", l.site)
	}
	values += " of type " + symbol.NameOf(l.from)
	switch l.kind {
	case lossGone:
		return values + ", the field is gone"
	case lossRange:
		return fmt.Sprintf("%s, not possible in %s", values, symbol.NameOf(l.to))
	case lossBeyond:
		return fmt.Sprintf("%s, beyond the end of %s", values, symbol.NameOf(l.to))
	case lossKey:
		return fmt.Sprintf("%s, under a key that another entry of %s has now", values, symbol.NameOf(l.to))
	case lossCode:
		return values + ", which is bound to the old code"
	case lossUncopyable:
		return values + ", which cannot be copied"
	case lossMethods:
		return fmt.Sprintf("%s, which is no %s", values, symbol.NameOf(l.to))
	case lossMoved:
		return values + ", which was changed at the same time without State.Update"
	case lossProcess:
		return values + ", which belongs to the process that has ended"
	case lossUnknown:
		return values + ", which the new process finds by no name (hotreload.WithType names it)"
	case lossMarshal:
		return values + ", which could not be written or read"
	case keptType:
		return values + " of an older generation (hotreload.WithType names the new type)"
	case keptApart:
		if n == 1 {
			return values + ", which was part of another one and is a copy of its own now"
		}
		return values + ", which were part of others and are copies of their own now"
	case keptInto:
		if n == 1 {
			return values + ", which leads into the old value"
		}
		return values + ", which lead into the old value"
	}
	if symbol.NameOf(l.from) == symbol.NameOf(l.to) {
		return values + ", which has another structure now"
	}
	return fmt.Sprintf("%s, now %s", values, symbol.NameOf(l.to))
}

// losses counts values.
type losses struct {
	count map[loss]int
	whole int // losses of whole values, all counted
}

func newLosses() *losses { return &losses{count: map[loss]int{}} }

func (l *losses) add(kind lossKind, at site, from, to namedType) {
	what := loss{kind, at, from, to}
	l.count[what]++
	if what.whole() {
		l.whole++
	}
}

// taken is a field that a hook asked for by name.
type taken struct {
	owner namedType
	field string
}

// forgive removes what a hook took care of.
func (l *losses) forgive(fields map[taken]bool) {
	maps.DeleteFunc(l.count, func(what loss, _ int) bool {
		return !what.site.asked && fields[taken{what.site.owner, what.site.field}]
	})
}

// lines describes the losses, or what was kept, sorted.
func (l *losses) lines(kept bool) []string {
	var lines []string
	for what, n := range l.count {
		if what.kept() == kept {
			lines = append(lines, what.describe(n))
		}
	}
	slices.Sort(lines)
	return lines
}

// maxLines bounds how many losses a message tells; all are in its detail.
const maxLines = 3

func summary(lines []string) string {
	if more := len(lines) - maxLines; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(lines[:maxLines], "; "), more)
	}
	return strings.Join(lines, "; ")
}
