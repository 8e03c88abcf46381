package migrate

import (
	"reflect"
	"sync"
)

// Plan says how a value of one type becomes a value of another one, or of the
// same.
type Plan struct {
	From, To reflect.Type
	Do       Action
	Why      LossKind // where Do is DoNothing

	Elem   *Plan       // of DoElements, DoSlice, DoMap, DoPointer, DoRefer, DoFollow, DoAtomicPointer
	Key    *Plan       // of DoMap
	Fields []fieldPlan // of DoFields
	gone   []goneField // of DoFields: those of from that have no place in to
	fresh  int         // of DoFields: how many fields of to get nothing
	locks  []int       // of DoFields: those of from that are locks

	// plain: assignment does everything, and the result shares nothing.
	plain bool
	// flat: nothing else has to be copied before such a value can be.
	flat bool
	// Partial: a part of the result, not counting what it refers to, may get
	// nothing from the old value.
	Partial bool
	// height counts the types that are nested in from without a reference.
	height int
}

type fieldPlan struct {
	from, to     int
	Offset, Size uintptr // within from
	Plan         *Plan
	site         Site
}

type goneField struct {
	index int
	site  Site
}

// Action is what is done with a value.
type Action uint8

const (
	DoNothing       Action = iota // it cannot be taken over
	doAssign                      // it is kept; a channel or a function is shared
	DoUnused                      // there is a new one that nobody has used
	DoNumber                      // a basic type that is another one, or has another name
	DoText                        // a string and a slice of bytes or runes
	DoFields                      // a struct
	DoElements                    // an array
	DoSlice                       // a slice
	DoMap                         // a map
	DoPointer                     // a pointer to a copy
	DoRefer                       // a value of which there is a pointer to a copy now
	DoFollow                      // a pointer of which there is a copy of the value now
	doShare                       // a pointer to what is not copied, unless it leads into something that is
	DoBox                         // an interface, or what is to be in one
	doKeep                        // in an interface, of a type that the new code may not know
	DoAtomicPointer               // an atomic.Pointer to a hot type
	DoSyncMap                     // a sync.Map
)

type typePair struct{ from, to reflect.Type }

// Planner makes plans. It is for one goroutine.
type Planner struct {
	*TypeBook
	// Deep: pointers to hot types are copied even if the type is the same. So
	// is everything in interfaces.
	Deep bool
	// Whole, if it is not nil, says which types nobody looks into. Pointers to all
	// others are copied, whether or not they are hot.
	Whole func(reflect.Type) bool
	plans map[typePair]*Plan
	boxes map[typePair]*Plan // by the type of the value and that of the interface
}

func NewPlanner(book *TypeBook) *Planner {
	return &Planner{TypeBook: book, plans: map[typePair]*Plan{}, boxes: map[typePair]*Plan{}}
}

// Plan returns the one plan for a pair of types.
func (b *Planner) Plan(from, to reflect.Type) *Plan {
	if known := b.plans[typePair{from, to}]; known != nil {
		return known
	}
	p := &Plan{From: from, To: to, Why: LossType}
	b.plans[typePair{from, to}] = p // a recursive type finds itself
	if from == to {
		b.planSame(p)
	} else {
		b.planOther(p)
	}
	p.summarise()
	return p
}

// box returns the plan for a value that is to be put into an interface.
func (b *Planner) box(from, to reflect.Type) *Plan {
	if known := b.boxes[typePair{from, to}]; known != nil {
		return known
	}
	now := from
	if !b.Deep {
		now = b.newType(from)
	}
	var p *Plan
	switch {
	case now == nil && from.Implements(to):
		p = &Plan{From: from, To: from, Do: doKeep, flat: true}
	case now == nil || !now.Implements(to):
		p = &Plan{From: from, To: to, Why: LossMethods, flat: true}
	default:
		p = b.Plan(from, now)
	}
	b.boxes[typePair{from, to}] = p
	return p
}

// Types of the standard library that are not copied as others are.
var (
	typeMutex     = reflect.TypeFor[sync.Mutex]()
	typeRWMutex   = reflect.TypeFor[sync.RWMutex]()
	typeWaitGroup = reflect.TypeFor[sync.WaitGroup]()
	TypeCond      = reflect.TypeFor[sync.Cond]()
	TypePool      = reflect.TypeFor[sync.Pool]()
	TypeSyncMap   = reflect.TypeFor[sync.Map]()
)

func isLock(t reflect.Type) bool { return t == typeMutex || t == typeRWMutex }

// StartsUnused reports whether a value of the type says nothing but who is using
// the thing at the moment.
func StartsUnused(t reflect.Type) bool { return isLock(t) || t == typeWaitGroup }

// planSame plans a copy.
func (b *Planner) planSame(p *Plan) {
	t := p.From
	switch {
	case StartsUnused(t):
		p.Do = DoUnused
		return
	case b.Whole != nil && b.Whole(t):
		p.Do = doAssign
		return
	case b.Whole != nil && IsAtomicPointer(t):
		if b.planAtomicPointer(p); p.Elem.Do != DoPointer {
			p.Do, p.Elem = doAssign, nil
		}
		return
	case t == TypePool:
		p.Why = lossUncopyable
		return
	case t == TypeSyncMap:
		p.Do = DoSyncMap
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		b.planSamePointer(p)
	case reflect.Interface:
		p.Do = DoBox
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		b.planParts(p)
	default:
		p.Do = doAssign
	}
}

// planSamePointer decides about a pointer whose type both generations know. It
// is kept: behind it may be a pool, a hub, a lock that others use too. Some
// types of the standard library are but parts of whoever points to them.
func (b *Planner) planSamePointer(p *Plan) {
	p.Do = doShare
	target := p.From.Elem()
	switch path := target.PkgPath(); {
	case path == "container/list", path == "container/ring", target == TypeCond,
		b.Deep && b.mentionsHot(target), b.Whole != nil:
		b.planParts(p)
	}
}

// planOther plans a conversion.
func (b *Planner) planOther(p *Plan) {
	from, to := p.From.Kind(), p.To.Kind()
	switch {
	case StartsUnused(p.From) && StartsUnused(p.To):
		p.Do = DoUnused
	case to == reflect.Interface:
		p.Do = DoBox
	case AreNumbers(from, to), from == to && (from == reflect.Bool || from == reflect.String):
		p.Do = DoNumber
	case from == reflect.String && to == reflect.Slice, from == reflect.Slice && to == reflect.String:
		if p.From.ConvertibleTo(p.To) {
			p.Do = DoText
		}
	case to == reflect.Pointer && from != reflect.Pointer && from != reflect.Interface && p.To.Name() == "":
		p.Do = DoRefer
		b.planElem(p, p.From, p.To.Elem())
	case from == reflect.Pointer && to != reflect.Pointer && p.From.Name() == "":
		p.Do = DoFollow
		b.planElem(p, p.From.Elem(), p.To)
	case from != to:
	case from == reflect.Func || from == reflect.Chan:
		if sameParts(p.From, p.To) {
			p.Do = doAssign
		} else {
			p.Why = lossCode
		}
	case p.From.PkgPath() == "unique": // a Handle is compared by address
		p.Why = lossUncopyable
	case from == reflect.Struct && p.From.PkgPath() == "sync/atomic" && sameOrigin(p.From, p.To):
		b.planAtomicPointer(p)
	case b.counterparts(p.From, p.To):
		b.planParts(p)
	}
}

func IsAtomicPointer(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == "sync/atomic" && isInstance(t)
}

// AtomicTarget returns the type of the pointer in an atomic.Pointer.
func AtomicTarget(t reflect.Type) reflect.Type {
	method, _ := reflect.PointerTo(t).MethodByName("Load")
	return method.Type.Out(0)
}

// planAtomicPointer plans an atomic.Pointer, the one type of its package that
// has a type argument.
func (b *Planner) planAtomicPointer(p *Plan) {
	p.Do = DoAtomicPointer
	p.Elem = b.Plan(AtomicTarget(p.From), AtomicTarget(p.To))
	if p.Elem.Do == DoNothing {
		p.Do, p.Why = DoNothing, p.Elem.Why
	}
}

// planParts plans what has parts, if they are of the same kind.
func (b *Planner) planParts(p *Plan) {
	switch p.From.Kind() {
	case reflect.Struct:
		p.Do = DoFields
		b.planFields(p)
		return
	case reflect.Array:
		p.Do = DoElements
	case reflect.Slice:
		p.Do = DoSlice
	case reflect.Pointer:
		p.Do = DoPointer
	case reflect.Map:
		p.Do = DoMap
		if p.Key = b.Plan(p.From.Key(), p.To.Key()); p.Key.Do == DoNothing {
			p.Do, p.Why = DoNothing, p.Key.Why
			return
		}
	}
	b.planElem(p, p.From.Elem(), p.To.Elem())
}

// planElem plans what p consists of or leads to.
func (b *Planner) planElem(p *Plan, from, to reflect.Type) {
	if p.Elem = b.Plan(from, to); p.Elem.Do == DoNothing {
		p.Do, p.Why = DoNothing, p.Elem.Why
	}
}

// planFields pairs the fields of two structs by name. A struct of a host package
// is taken whole or not at all: nobody knows what its fields mean together.
func (b *Planner) planFields(p *Plan) {
	places := map[string]int{}
	for i := range p.To.NumField() {
		if name := p.To.Field(i).Name; name != "_" {
			places[name] = i
		}
	}
	had, lost := 0, false
	for i := range p.From.NumField() {
		f := p.From.Field(i)
		if f.Name == "_" || p.From == TypeCond && f.Name != "L" {
			continue
		}
		had++
		at := Site{Owner: p.From, Field: f.Name}
		if isLock(f.Type) {
			p.locks = append(p.locks, i)
		}
		j, ok := places[f.Name]
		if !ok {
			p.gone = append(p.gone, goneField{i, at})
			lost = true
			continue
		}
		delete(places, f.Name)
		of := b.planField(p, f.Type, p.To.Field(j).Type)
		p.Fields = append(p.Fields, fieldPlan{from: i, to: j, Offset: f.Offset, Size: f.Type.Size(), Plan: of, site: at})
		if of.Do == DoNothing {
			p.Why, lost = of.Why, true
			p.fresh++
		}
	}
	if p.From != TypeCond {
		p.fresh += len(places)
	}
	nothing := had > 0 && len(p.gone)+countImpossible(p.Fields) == had
	if nothing && p.From != p.To || lost && p.From.Name() != "" && !b.hot(p.From) {
		p.Do = DoNothing
	}
}

// planField is plan for a field of p.
func (b *Planner) planField(p *Plan, from, to reflect.Type) *Plan {
	if from.Kind() == reflect.UnsafePointer && p.From != p.To {
		// It may lead to a value of a type that has another layout now.
		return &Plan{From: from, To: to, Why: lossUncopyable, flat: true, Partial: true}
	}
	return b.Plan(from, to)
}

func countImpossible(fields []fieldPlan) int {
	n := 0
	for _, f := range fields {
		if f.Plan.Do == DoNothing {
			n++
		}
	}
	return n
}

// summarise finds what follows from the plans of the parts. Those that are not
// done yet belong to a recursive type and are behind a reference.
func (p *Plan) summarise() {
	switch p.Do {
	case DoNothing, DoUnused, DoText:
		p.flat, p.Partial = true, p.Do == DoNothing
	case doAssign:
		p.flat, p.plain = true, p.From == p.To
	case DoNumber:
		p.flat, p.Partial = true, p.From.Kind() != p.To.Kind()
	case doShare:
		p.flat = true
	case DoRefer:
		p.flat, p.height = p.Elem.flat, 1+p.Elem.height
	case DoFollow:
		p.flat, p.Partial = p.Elem.flat, true // nothing comes of nil
	case DoElements:
		p.flat, p.plain = p.Elem.flat, p.Elem.plain && p.From == p.To
		p.Partial = p.Elem.Partial || p.To.Len() > p.From.Len()
		p.height = 1 + p.Elem.height
	case DoFields:
		p.flat, p.plain, p.Partial = len(p.locks) == 0, p.From == p.To && p.From != TypeCond, p.fresh > 0
		for _, f := range p.Fields {
			p.flat = p.flat && f.Plan.flat
			p.plain = p.plain && f.Plan.plain
			p.Partial = p.Partial || f.Plan.Partial
			p.height = max(p.height, f.Plan.height)
		}
		p.height++
	}
}
