package migrate

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Arrival makes the value of a state for a generation whose view of it is new.
type Arrival struct {
	Key      string
	Type     reflect.Type
	Holds    []reflect.Type // types that interfaces in the value may hold
	Value    reflect.Value  // the variable to make it in
	Initial  func()         // makes a new value
	Hook     func(Old)      // makes it from the old one; may be nil
	Hot      []string       // import paths of the hot packages, as far as they are known
	Previous Source         // whose value it continues; may be nil
	Step     func()         // called every now and then; need not return
	Note     func(manifest.Diagnostic)
	From     NamedType // of the value before
}

// Source is a kept value of an older generation.
type Source interface {
	Type() reflect.Type
	// Read calls fn with the value, if there is one, while it cannot change.
	Read(fn func(reflect.Value)) bool
}

// Continue makes the value from the one before, and reports what became of that.
// It reports false, having made nothing, if there is none. The functions of the
// user run without the key's lock: the old generation goes on, whatever they do.
func (a *Arrival) Continue() bool {
	a.Value.SetZero() // of a try that ended in a panic
	if a.Previous == nil || !a.Previous.Read(func(reflect.Value) {}) {
		return false
	}
	from := a.Previous.Type()
	a.From = from
	plans := NewPlanner(NewTypeBook(from, a.Type, a.Holds, a.Hot))
	root := plans.Plan(from, a.Type)
	shapes := shape.NewReflector(plans.rebuilt)
	changed := shapes.Of(from) != shapes.Of(a.Type)
	lost := NewLosses()
	switch {
	case a.Hook != nil && (changed || root.Do == DoNothing):
		a.CallHook(LiveOld{a.copyOfOld(from, plans)}, plans, lost, changed)
	case root.Do == DoNothing:
		a.Initial()
		a.ReportStart(root.Why, changed)
	default:
		if root.Partial || (root.Do == DoPointer || root.Do == DoRefer) && root.Elem.Partial {
			a.Initial()
		}
		a.copy(a.Value, plans, root, lost)
		a.Report("was migrated", changed, lost)
	}
	return true
}

// copy fills v with the value before. If somebody holds a lock inside of it
// for long, it tries again and in the end does without.
func (a *Arrival) copy(v reflect.Value, plans *Planner, root *Plan, lost *Losses) {
	for round := 1; ; round++ {
		done := false
		a.Previous.Read(func(old reflect.Value) {
			done = NewCopier(plans, lost, a.Step).Run(v, old, root, &Site{}, round == LockRounds)
		})
		if done {
			return
		}
		a.Step()
		time.Sleep(LockPause)
	}
}

// copyOfOld returns a copy of the value before, for the user's function to see.
func (a *Arrival) copyOfOld(from reflect.Type, plans *Planner) reflect.Value {
	same := NewPlanner(NewTypeBook(from, from, nil, plans.rebuilt))
	same.Deep = true
	old := reflect.New(from).Elem()
	a.copy(old, same, same.Plan(from, from), NewLosses())
	return old
}

// CallHook lets the user's function make the value, and reports that.
func (a *Arrival) CallHook(old Form, plans *Planner, lost *Losses, changed bool) {
	inquiry := &Inquiry{plans: plans, Lost: lost, Step: a.Step, byHook: map[fieldName]bool{}}
	a.Hook(Old{v: old, inquiry: inquiry})
	lost.forgive(inquiry.byHook)
	a.Report("was migrated by its WithMigration function", changed, lost)
}

// change says how the type of the state differs from before.
func (a *Arrival) change() string {
	was, is := symbol.NameOf(a.From), symbol.NameOf(a.Type)
	if was == is {
		return fmt.Sprintf("the structure of its type %s changed", is)
	}
	return fmt.Sprintf("its type %s is %s now", was, is)
}

// Report says that the value was taken over, if there is anything to say.
func (a *Arrival) Report(what string, changed bool, lost *Losses) {
	dropped, kept := lost.Lines(false), lost.Lines(true)
	if !changed && len(dropped)+len(kept) == 0 {
		return
	}
	message := fmt.Sprintf("state %q %s", a.Key, what)
	if changed {
		message += ": " + a.change()
	} else {
		message = fmt.Sprintf("state %q was taken over", a.Key)
	}
	switch {
	case len(dropped) > 0:
		message += "; dropped: " + Summary(dropped)
	case changed:
		message += "; nothing was dropped"
	}
	if len(kept) > 0 {
		message += "; left as it was: " + Summary(kept)
	}
	d := manifest.Diagnose(manifest.CodeStateShape, manifest.Position{}, "%s", message)
	if len(dropped)+len(kept) == 0 {
		d.Severity = manifest.SeverityInformation
	}
	if len(dropped) > maxLines || len(kept) > maxLines {
		d.Detail = strings.Join(append(dropped, kept...), "\n")
	}
	a.Note(d)
}

// ReportStart says that nothing was taken over.
func (a *Arrival) ReportStart(why LossKind, changed bool) {
	switch {
	case changed:
		a.StartsAgain(a.change())
	case why == lossCode:
		a.StartsAgain(fmt.Sprintf("its type %s is bound to the old code", symbol.NameOf(a.From)))
	case why == LossProcess:
		a.StartsAgain(fmt.Sprintf("its type %s is bound to the process that has ended", symbol.NameOf(a.From)))
	default:
		a.StartsAgain(fmt.Sprintf("its type %s cannot be copied", symbol.NameOf(a.From)))
	}
}

func (a *Arrival) StartsAgain(why string) {
	a.Note(manifest.Diagnose(manifest.CodeStateShape, manifest.Position{}, "state %q starts again: %s", a.Key, why))
}
