package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// NamedType is a type as messages name it: one of this process, or one that
// another process has told of.
type NamedType interface {
	Name() string
	String() string
}

// Site is where in a state a value is: in a field of a struct type, or where
// there is none around it, simply in the state.
type Site struct {
	Owner NamedType // the struct in its old form; nil for the state itself
	Field string
	// byHook: a hook asked for just this value by name.
	byHook bool
}

func (s Site) String() string {
	switch {
	case s.Owner == nil:
		return "the value"
	case s.Owner.Name() == "":
		return "field " + s.Field
	}
	return "field " + symbol.NameOf(s.Owner) + "." + s.Field
}

// LossKind says what became of a value that was not taken over as it should be.
type LossKind uint8

const (
	LossType       LossKind = iota // the new type is too different
	LossGone                       // there is no such field any more
	LossRange                      // the number does not fit
	LossBeyond                     // the array is shorter
	LossKey                        // another entry has the same key now
	lossCode                       // a function or channel of hot types
	lossUncopyable                 // a type that forbids it
	LossMethods                    // the interface asks for other methods
	LossMoved                      // it was changed while it was copied
	LossProcess                    // it belongs to a process that has ended
	LossUnknown                    // the type in an interface has no known name in the new process
	LossMarshal                    // the type could not write or read itself
	// What follows is no loss of a value.
	keptType  // the new type is not known
	KeptApart // what was one value is two
	keptInto  // a pointer leads into the old value
)

// IsBound reports whether a loss is of something that only makes sense in its
// process, or of which nothing is known.
func (k LossKind) IsBound() bool {
	return k == LossProcess || k == LossUnknown || k == lossUncopyable || k == LossMarshal
}

// loss is what happened to one or more values in the same place for the same
// reason.
type loss struct {
	kind     LossKind
	site     Site
	from, to NamedType // to is nil if kind says it all
}

func (l loss) isKept() bool { return l.kind >= keptType }

// whole reports whether nothing at all was taken over.
func (l loss) whole() bool { return !l.isKept() && l.kind != LossGone && l.kind != LossBeyond }

// describe says it of n values.
func (l loss) describe(n int) string {
	values := fmt.Sprintf("%s: %d values", l.site, n)
	if n == 1 {
		values = fmt.Sprintf("%s: 1 value", l.site)
	}
	values += " of type " + symbol.NameOf(l.from)
	switch l.kind {
	case LossGone:
		return values + ", the field is gone"
	case LossRange:
		return fmt.Sprintf("%s, not possible in %s", values, symbol.NameOf(l.to))
	case LossBeyond:
		return fmt.Sprintf("%s, beyond the end of %s", values, symbol.NameOf(l.to))
	case LossKey:
		return fmt.Sprintf("%s, under a key that another entry of %s has now", values, symbol.NameOf(l.to))
	case lossCode:
		return values + ", which is bound to the old code"
	case lossUncopyable:
		return values + ", which cannot be copied"
	case LossMethods:
		return fmt.Sprintf("%s, which is no %s", values, symbol.NameOf(l.to))
	case LossMoved:
		return values + ", which was changed at the same time without State.Update"
	case LossProcess:
		return values + ", which belongs to the process that has ended"
	case LossUnknown:
		return values + ", which the new process finds by no name (hotreload.WithType names it)"
	case LossMarshal:
		return values + ", which could not be written or read"
	case keptType:
		return values + " of an older generation (hotreload.WithType names the new type)"
	case KeptApart:
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

// Losses counts values.
type Losses struct {
	Count      map[loss]int
	WholeCount int // losses of whole values, all counted
}

func NewLosses() *Losses { return &Losses{Count: map[loss]int{}} }

func (l *Losses) Add(kind LossKind, at Site, from, to NamedType) {
	what := loss{kind, at, from, to}
	l.Count[what]++
	if what.whole() {
		l.WholeCount++
	}
}

// fieldName is a field that a hook asked for by name.
type fieldName struct {
	owner NamedType
	field string
}

// forgive removes what a hook took care of.
func (l *Losses) forgive(fields map[fieldName]bool) {
	maps.DeleteFunc(l.Count, func(what loss, _ int) bool {
		return !what.site.byHook && fields[fieldName{what.site.Owner, what.site.Field}]
	})
}

// Lines describes the losses, or what was kept, sorted.
func (l *Losses) Lines(kept bool) []string {
	var lines []string
	for what, n := range l.Count {
		if what.isKept() == kept {
			lines = append(lines, what.describe(n))
		}
	}
	slices.Sort(lines)
	return lines
}

// maxLines bounds how many losses a message tells; all are in its detail.
const maxLines = 3

func Summary(lines []string) string {
	if more := len(lines) - maxLines; more > 0 {
		return fmt.Sprintf("%s; and %d more", strings.Join(lines[:maxLines], "; "), more)
	}
	return strings.Join(lines, "; ")
}
