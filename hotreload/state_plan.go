package hotreload

import (
	"reflect"
	"sync"
)

// plan says how a value of one type becomes a value of another one, or of the
// same.
type plan struct {
	from, to reflect.Type
	do       action
	why      lossKind // where do is doNothing

	elem   *plan       // of doElements, doSlice, doMap, doPointer, doRefer, doFollow, doAtomicPointer
	key    *plan       // of doMap
	fields []fieldPlan // of doFields
	gone   []goneField // of doFields: those of from that have no place in to
	fresh  int         // of doFields: how many fields of to get nothing
	locks  []int       // of doFields: those of from that are locks

	// plain: assignment does everything, and the result shares nothing.
	plain bool
	// flat: nothing else has to be copied before such a value can be.
	flat bool
	// partial: a part of the result, not counting what it refers to, may get
	// nothing from the old value.
	partial bool
	// height counts the types that are nested in from without a reference.
	height int
}

type fieldPlan struct {
	from, to     int
	offset, size uintptr // within from
	plan         *plan
	site         site
}

type goneField struct {
	index int
	site  site
}

// action is what is done with a value.
type action uint8

const (
	doNothing       action = iota // it cannot be taken over
	doAssign                      // it is kept; a channel or a function is shared
	doUnused                      // there is a new one that nobody has used
	doNumber                      // a basic type that is another one, or has another name
	doText                        // a string and a slice of bytes or runes
	doFields                      // a struct
	doElements                    // an array
	doSlice                       // a slice
	doMap                         // a map
	doPointer                     // a pointer to a copy
	doRefer                       // a value of which there is a pointer to a copy now
	doFollow                      // a pointer of which there is a copy of the value now
	doShare                       // a pointer to what is not copied, unless it leads into something that is
	doBox                         // an interface, or what is to be in one
	doKeep                        // in an interface, of a type that the new code may not know
	doAtomicPointer               // an atomic.Pointer to a hot type
	doSyncMap                     // a sync.Map
)

type typePair struct{ from, to reflect.Type }

// planner makes plans. It is for one goroutine.
type planner struct {
	*typeBook
	// deep: pointers to hot types are copied even if the type is the same. So
	// is everything in interfaces.
	deep bool
	// whole, if it is not nil, says which types nobody looks into. Pointers to all
	// others are copied, whether or not they are hot.
	whole func(reflect.Type) bool
	plans map[typePair]*plan
	boxes map[typePair]*plan // by the type of the value and that of the interface
}

func newPlanner(book *typeBook) *planner {
	return &planner{typeBook: book, plans: map[typePair]*plan{}, boxes: map[typePair]*plan{}}
}

// plan returns the one plan for a pair of types.
func (b *planner) plan(from, to reflect.Type) *plan {
	if known := b.plans[typePair{from, to}]; known != nil {
		return known
	}
	p := &plan{from: from, to: to, why: lossType}
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
func (b *planner) box(from, to reflect.Type) *plan {
	if known := b.boxes[typePair{from, to}]; known != nil {
		return known
	}
	now := from
	if !b.deep {
		now = b.newType(from)
	}
	var p *plan
	switch {
	case now == nil && from.Implements(to):
		p = &plan{from: from, to: from, do: doKeep, flat: true}
	case now == nil || !now.Implements(to):
		p = &plan{from: from, to: to, why: lossMethods, flat: true}
	default:
		p = b.plan(from, now)
	}
	b.boxes[typePair{from, to}] = p
	return p
}

// Types of the standard library that are not copied as others are.
var (
	typeMutex     = reflect.TypeFor[sync.Mutex]()
	typeRWMutex   = reflect.TypeFor[sync.RWMutex]()
	typeWaitGroup = reflect.TypeFor[sync.WaitGroup]()
	typeCond      = reflect.TypeFor[sync.Cond]()
	typePool      = reflect.TypeFor[sync.Pool]()
	typeSyncMap   = reflect.TypeFor[sync.Map]()
)

func isLock(t reflect.Type) bool { return t == typeMutex || t == typeRWMutex }

// startsUnused reports whether a value of the type says nothing but who is using
// the thing at the moment.
func startsUnused(t reflect.Type) bool { return isLock(t) || t == typeWaitGroup }

// planSame plans a copy.
func (b *planner) planSame(p *plan) {
	t := p.from
	switch {
	case startsUnused(t):
		p.do = doUnused
		return
	case b.whole != nil && b.whole(t):
		p.do = doAssign
		return
	case b.whole != nil && isAtomicPointer(t):
		if b.planAtomicPointer(p); p.elem.do != doPointer {
			p.do, p.elem = doAssign, nil
		}
		return
	case t == typePool:
		p.why = lossUncopyable
		return
	case t == typeSyncMap:
		p.do = doSyncMap
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		b.planSamePointer(p)
	case reflect.Interface:
		p.do = doBox
	case reflect.Struct, reflect.Array, reflect.Slice, reflect.Map:
		b.planParts(p)
	default:
		p.do = doAssign
	}
}

// planSamePointer decides about a pointer whose type both generations know. It
// is kept: behind it may be a pool, a hub, a lock that others use too. Some
// types of the standard library are but parts of whoever points to them.
func (b *planner) planSamePointer(p *plan) {
	p.do = doShare
	target := p.from.Elem()
	switch path := target.PkgPath(); {
	case path == "container/list", path == "container/ring", target == typeCond, b.deep && b.mentionsHot(target), b.whole != nil:
		b.planParts(p)
	}
}

// planOther plans a conversion.
func (b *planner) planOther(p *plan) {
	from, to := p.from.Kind(), p.to.Kind()
	switch {
	case startsUnused(p.from) && startsUnused(p.to):
		p.do = doUnused
	case to == reflect.Interface:
		p.do = doBox
	case areNumbers(from, to), from == to && (from == reflect.Bool || from == reflect.String):
		p.do = doNumber
	case from == reflect.String && to == reflect.Slice, from == reflect.Slice && to == reflect.String:
		if p.from.ConvertibleTo(p.to) {
			p.do = doText
		}
	case to == reflect.Pointer && from != reflect.Pointer && from != reflect.Interface && p.to.Name() == "":
		p.do = doRefer
		b.planElem(p, p.from, p.to.Elem())
	case from == reflect.Pointer && to != reflect.Pointer && p.from.Name() == "":
		p.do = doFollow
		b.planElem(p, p.from.Elem(), p.to)
	case from != to:
	case from == reflect.Func || from == reflect.Chan:
		if sameParts(p.from, p.to) {
			p.do = doAssign
		} else {
			p.why = lossCode
		}
	case p.from.PkgPath() == "unique": // a Handle is compared by address
		p.why = lossUncopyable
	case from == reflect.Struct && p.from.PkgPath() == "sync/atomic" && sameOrigin(p.from, p.to):
		b.planAtomicPointer(p)
	case b.counterparts(p.from, p.to):
		b.planParts(p)
	}
}

func isAtomicPointer(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == "sync/atomic" && isInstance(t)
}

// atomicTarget returns the type of the pointer in an atomic.Pointer.
func atomicTarget(t reflect.Type) reflect.Type {
	method, _ := reflect.PointerTo(t).MethodByName("Load")
	return method.Type.Out(0)
}

// planAtomicPointer plans an atomic.Pointer, the one type of its package that
// has a type argument.
func (b *planner) planAtomicPointer(p *plan) {
	p.do = doAtomicPointer
	p.elem = b.plan(atomicTarget(p.from), atomicTarget(p.to))
	if p.elem.do == doNothing {
		p.do, p.why = doNothing, p.elem.why
	}
}

// planParts plans what has parts, if they are of the same kind.
func (b *planner) planParts(p *plan) {
	switch p.from.Kind() {
	case reflect.Struct:
		p.do = doFields
		b.planFields(p)
		return
	case reflect.Array:
		p.do = doElements
	case reflect.Slice:
		p.do = doSlice
	case reflect.Pointer:
		p.do = doPointer
	case reflect.Map:
		p.do = doMap
		if p.key = b.plan(p.from.Key(), p.to.Key()); p.key.do == doNothing {
			p.do, p.why = doNothing, p.key.why
			return
		}
	}
	b.planElem(p, p.from.Elem(), p.to.Elem())
}

// planElem plans what p consists of or leads to.
func (b *planner) planElem(p *plan, from, to reflect.Type) {
	if p.elem = b.plan(from, to); p.elem.do == doNothing {
		p.do, p.why = doNothing, p.elem.why
	}
}

// planFields pairs the fields of two structs by name. A struct of a host package
// is taken whole or not at all: nobody knows what its fields mean together.
func (b *planner) planFields(p *plan) {
	places := map[string]int{}
	for i := range p.to.NumField() {
		if name := p.to.Field(i).Name; name != "_" {
			places[name] = i
		}
	}
	had, lost := 0, false
	for i := range p.from.NumField() {
		f := p.from.Field(i)
		if f.Name == "_" || p.from == typeCond && f.Name != "L" {
			continue
		}
		had++
		at := site{owner: p.from, field: f.Name}
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
		of := b.planField(p, f.Type, p.to.Field(j).Type)
		p.fields = append(p.fields, fieldPlan{from: i, to: j, offset: f.Offset, size: f.Type.Size(), plan: of, site: at})
		if of.do == doNothing {
			p.why, lost = of.why, true
			p.fresh++
		}
	}
	if p.from != typeCond {
		p.fresh += len(places)
	}
	nothing := had > 0 && len(p.gone)+countImpossible(p.fields) == had
	if nothing && p.from != p.to || lost && p.from.Name() != "" && !b.hot(p.from) {
		p.do = doNothing
	}
}

// planField is plan for a field of p.
func (b *planner) planField(p *plan, from, to reflect.Type) *plan {
	if from.Kind() == reflect.UnsafePointer && p.from != p.to {
		// It may lead to a value of a type that has another layout now.
		return &plan{from: from, to: to, why: lossUncopyable, flat: true, partial: true}
	}
	return b.plan(from, to)
}

func countImpossible(fields []fieldPlan) int {
	n := 0
	for _, f := range fields {
		if f.plan.do == doNothing {
			n++
		}
	}
	return n
}

// summarise finds what follows from the plans of the parts. Those that are not
// done yet belong to a recursive type and are behind a reference.
func (p *plan) summarise() {
	switch p.do {
	case doNothing, doUnused, doText:
		p.flat, p.partial = true, p.do == doNothing
	case doAssign:
		p.flat, p.plain = true, p.from == p.to
	case doNumber:
		p.flat, p.partial = true, p.from.Kind() != p.to.Kind()
	case doShare:
		p.flat = true
	case doRefer:
		p.flat, p.height = p.elem.flat, 1+p.elem.height
	case doFollow:
		p.flat, p.partial = p.elem.flat, true // nothing comes of nil
	case doElements:
		p.flat, p.plain = p.elem.flat, p.elem.plain && p.from == p.to
		p.partial = p.elem.partial || p.to.Len() > p.from.Len()
		p.height = 1 + p.elem.height
	case doFields:
		p.flat, p.plain, p.partial = len(p.locks) == 0, p.from == p.to && p.from != typeCond, p.fresh > 0
		for _, f := range p.fields {
			p.flat = p.flat && f.plan.flat
			p.plain = p.plain && f.plan.plain
			p.partial = p.partial || f.plan.partial
			p.height = max(p.height, f.plan.height)
		}
		p.height++
	}
}
