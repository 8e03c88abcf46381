package hotreload

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// arrival makes the value of a state for a generation that sees it in a new way.
type arrival struct {
	key      string
	owner    *registration
	view     stateView
	previous *stateCell     // whose value it continues; may be nil
	value    reflect.Value  // the variable to make it in
	initial  func()         // makes it anew
	hook     func(OldValue) // makes it from the old one; may be nil
	handed   *handedOver    // what came from the process before
	from     namedType      // of the value before; set by make

	transient bool // nothing is taken from the process before
}

// make makes the value and reports what became of the one before. The functions
// of the user run without the key's lock: the old generation goes on, whatever
// they do.
func (a *arrival) make() {
	a.value.SetZero() // of a try that ended in a panic
	if a.previous == nil || !a.previous.value.read(func(reflect.Value) {}) {
		if !a.arrive() {
			a.initial()
		}
		return
	}
	from, to := a.previous.typ, a.view.typ
	a.from = from
	plans := newPlanner(newTypeBook(from, to, a.view.holds, a.owner.hotPackages()))
	root := plans.plan(from, to)
	shapes := shape.NewReflector(plans.rebuilt)
	changed := shapes.Of(from) != shapes.Of(to)
	lost := newLosses()
	switch {
	case a.hook != nil && (changed || root.do == doNothing):
		a.callHook(plans, lost)
		a.report("was migrated by its WithMigration function", changed, lost)
	case root.do == doNothing:
		a.initial()
		a.reportStart(root.why, changed)
	default:
		if root.partial || (root.do == doPointer || root.do == doRefer) && root.elem.partial {
			a.initial()
		}
		a.copy(a.value, plans, root, lost)
		a.report("was migrated", changed, lost)
	}
}

// copy fills v with the value before. If somebody holds a lock inside of it
// for long, it tries again and in the end does without.
func (a *arrival) copy(v reflect.Value, plans *planner, root *plan, lost *losses) {
	for round := 1; ; round++ {
		done := false
		a.previous.value.read(func(old reflect.Value) {
			done = newCopier(plans, lost, a.owner.exitIfAbandoned).run(v, old, root, &site{}, round == lockRounds)
		})
		if done {
			return
		}
		a.owner.exitIfAbandoned()
		time.Sleep(lockPause)
	}
}

// callHook has the user's function make the value. It sees a copy of the old one.
func (a *arrival) callHook(plans *planner, lost *losses) {
	from := a.previous.typ
	same := newPlanner(newTypeBook(from, from, nil, plans.rebuilt))
	same.deep = true
	old := reflect.New(from).Elem()
	a.copy(old, same, same.plan(from, from), newLosses())
	inquiry := &inquiry{plans: plans, lost: lost, step: a.owner.exitIfAbandoned, taken: map[taken]bool{}}
	a.hook(OldValue{v: liveOld{old}, inquiry: inquiry})
	lost.forgive(inquiry.taken)
}

// change says in what the type of the state is another one.
func (a *arrival) change() string {
	was, is := symbol.NameOf(a.from), symbol.NameOf(a.view.typ)
	if was == is {
		return fmt.Sprintf("the structure of its type %s changed", is)
	}
	return fmt.Sprintf("its type %s is %s now", was, is)
}

// report says that the value was taken over, if there is anything to say.
func (a *arrival) report(what string, changed bool, lost *losses) {
	dropped, kept := lost.lines(false), lost.lines(true)
	if !changed && len(dropped)+len(kept) == 0 {
		return
	}
	message := fmt.Sprintf("state %q %s", a.key, what)
	if changed {
		message += ": " + a.change()
	} else {
		message = fmt.Sprintf("state %q was taken over", a.key)
	}
	switch {
	case len(dropped) > 0:
		message += "; dropped: " + summary(dropped)
	case changed:
		message += "; nothing was dropped"
	}
	if len(kept) > 0 {
		message += "; left as it was: " + summary(kept)
	}
	d := manifest.Diagnose(manifest.CodeStateShape, a.owner.callerPosition(), "%s", message)
	if len(dropped)+len(kept) == 0 {
		d.Severity = manifest.SeverityInformation
	}
	if len(dropped) > maxLines || len(kept) > maxLines {
		d.Detail = strings.Join(append(dropped, kept...), "\n")
	}
	a.owner.note(d)
}

// reportStart says that nothing was taken over.
func (a *arrival) reportStart(why lossKind, changed bool) {
	switch {
	case changed:
		a.startsAgain(a.change())
	case why == lossCode:
		a.startsAgain(fmt.Sprintf("its type %s is bound to the old code", symbol.NameOf(a.from)))
	case why == lossProcess:
		a.startsAgain(fmt.Sprintf("its type %s is bound to the process that has ended", symbol.NameOf(a.from)))
	default:
		a.startsAgain(fmt.Sprintf("its type %s cannot be copied", symbol.NameOf(a.from)))
	}
}

func (a *arrival) startsAgain(why string) {
	a.owner.note(manifest.Diagnose(manifest.CodeStateShape, a.owner.callerPosition(), "state %q starts again: %s", a.key, why))
}
