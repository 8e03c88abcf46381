//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// handover is the state of one process on its way to the next. encoding/gob
// writes it, and each value in it by itself, so that what is wrong with one does
// no harm to the others.
type handover struct {
	Format string
	States []handedState // by key
	Things []handedThing // by name
	// Running is how many requests were not answered in time.
	Running int
}

// handoverFormat names the format. Another version of this package may have
// another one.
const handoverFormat = "anvil state 1"

// handedState is the value of a key: an image, or what a Carrier has written.
type handedState struct {
	Key     string
	Data    []byte
	Carrier bool
	Failed  string // why there is no Data
}

// handedThing is what a Carrier has written that was provided.
type handedThing struct {
	Name   string // type and name
	Data   []byte
	Failed string
}

// handedOver is what came from the process before, by key, until somebody asks
// for it. Its lock may be held with that of contents.
type handedOver struct {
	mu     sync.Mutex // guards states
	states map[string]handedState
}

func (h *handedOver) get(key string) (handedState, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.states[key]
	return s, ok
}

func (h *handedOver) forget(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.states, key)
}

func (h *handedOver) all() []handedState {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []handedState
	for _, s := range h.states {
		all = append(all, s)
	}
	return all
}

// carrierIn returns the Carrier that a variable is, or holds; nil if it is none.
func carrierIn(v reflect.Value) Carrier {
	if k := v.Kind(); (k == reflect.Interface || k == reflect.Pointer) && v.IsNil() {
		return nil
	}
	if c, ok := v.Interface().(Carrier); ok {
		return c
	}
	c, _ := v.Addr().Interface().(Carrier)
	return c
}

// within calls f on another goroutine, which it no longer waits for when time is
// up.
func within(ctx context.Context, limit control.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(limit))
	defer cancel()
	ended := make(chan error, 1) // nobody may be there to receive
	go func() {
		err := errors.New("it ended its goroutine: runtime.Goexit was called")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			ended <- err
		}()
		err = f(ctx)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return late(limit)
	}
}

func late(limit control.Duration) error {
	return fmt.Errorf("it was not done after %v", time.Duration(limit))
}

// why says why something does not go along.
func why(err error) string {
	if errors.Is(err, errTooLarge) {
		return fmt.Sprintf("it is larger than what is left of the %d MiB that go along", control.MaxState>>20)
	}
	return err.Error()
}

// carries reports whether there is anything that could go along.
func (c *contents) carries() bool {
	for _, t := range *c.things.Load() {
		if carrierIn(reflect.ValueOf(t.value).Elem()) != nil {
			return true
		}
	}
	return len(c.handed.all()) > 0 || len(c.newestStates()) > 0
}

// keptState is the newest value of a key.
type keptState struct {
	key  string
	cell *stateCell
}

// newestStates returns what is kept, by key.
func (c *contents) newestStates() (all []keptState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, slot := range c.slots {
		for _, cell := range slices.Backward(slot.cells) {
			if cell.owner != nil {
				continue
			}
			if !cell.transient {
				all = append(all, keptState{key, cell})
			}
			break // what is older does not come back in its place
		}
	}
	slices.SortFunc(all, func(a, b keptState) int { return strings.Compare(a.key, b.key) })
	return all
}

// handOver writes the state for the next process, of at most limit bytes. All of
// it is written at the same time, so that what takes too long costs nothing else.
// running is how many requests are still being answered.
func (c *contents) handOver(ctx context.Context, limit int, running int) ([]byte, error) {
	h := handover{Format: handoverFormat, Running: running}
	var writing sync.WaitGroup
	carriers := map[string]Carrier{}
	for key, t := range *c.things.Load() {
		if carrier := carrierIn(reflect.ValueOf(t.value).Elem()); carrier != nil {
			carriers[key.String()] = carrier
		}
	}
	h.Things = make([]handedThing, len(carriers))
	for i, name := range slices.Sorted(maps.Keys(carriers)) {
		writing.Go(func() {
			data, failed := marshal(ctx, carriers[name])
			h.Things[i] = handedThing{name, data, failed}
		})
	}
	states := c.newestStates()
	h.States = make([]handedState, len(states))
	for i, s := range states {
		writing.Go(func() { h.States[i] = s.write(ctx, limit) })
	}
	writing.Wait()
	h.States = slices.DeleteFunc(h.States, func(s handedState) bool { return s.Key == "" })
	// Nobody has asked for these since they came from the process before.
	for _, s := range c.handed.all() {
		if !slices.ContainsFunc(h.States, func(own handedState) bool { return own.Key == s.Key }) {
			h.States = append(h.States, s)
		}
	}
	slices.SortFunc(h.States, func(a, b handedState) int { return strings.Compare(a.Key, b.Key) })
	take := func(data *[]byte, failed *string) {
		if len(*data) > limit {
			*data, *failed = nil, why(errTooLarge)
		}
		limit -= len(*data)
	}
	for i := range h.Things {
		take(&h.Things[i].Data, &h.Things[i].Failed)
	}
	for i := range h.States {
		take(&h.States[i].Data, &h.States[i].Failed)
	}
	return encodeGob(h)
}

func marshal(ctx context.Context, carrier Carrier) (data []byte, failed string) {
	var out []byte
	err := within(ctx, control.HandoverCarrier, func(context.Context) (err error) {
		out, err = carrier.MarshalState()
		return err
	})
	if err != nil { // and out may be set later
		return nil, "MarshalState: " + err.Error()
	}
	return out, ""
}

// write writes the value; without a key if there is none yet.
func (s keptState) write(ctx context.Context, limit int) handedState {
	var data []byte
	var carrier Carrier
	made := true
	err := within(ctx, control.HandoverState, func(ctx context.Context) (err error) {
		made = s.cell.value.read(func(v reflect.Value) { carrier = carrierIn(v) })
		if !made || carrier != nil {
			return nil
		}
		img, err := imageOf(ctx, s.cell.value, limit)
		if err != nil {
			return err
		}
		data, err = encodeGob(img)
		return err
	})
	switch {
	case err != nil: // and what the function sets may be set later
		return handedState{Key: s.key, Failed: why(err)}
	case !made:
		return handedState{}
	case carrier != nil:
		out, failed := marshal(ctx, carrier)
		return handedState{Key: s.key, Data: out, Carrier: true, Failed: failed}
	}
	return handedState{Key: s.key, Data: data}
}

// imageOf makes the image of a kept value. If somebody holds a lock inside of it
// for long, it tries again and in the end does without.
func imageOf(ctx context.Context, v stateValue, limit int) (img *image, err error) {
	check := func() error {
		if ctx.Err() != nil {
			return late(control.HandoverState)
		}
		return nil
	}
	for round := 1; ; round++ {
		done := false
		v.read(func(old reflect.Value) {
			img, done, err = writeImage(old, newClassifier(ownPackages()), limit, check, round == migrate.LockRounds)
		})
		if done {
			return img, err
		}
		if err := check(); err != nil {
			return nil, err
		}
		time.Sleep(migrate.LockPause)
	}
}

// restore takes up the state of the process before: Carriers that were provided
// read theirs, and what is kept waits to be asked for. It returns what there is
// to say. Without data there was no state.
func (c *contents) restore(data []byte) (notes []manifest.Diagnostic) {
	note := func(at manifest.Position, format string, args ...any) {
		notes = append(notes, manifest.Diagnose(manifest.CodeStateShape, at, format, args...))
	}
	if len(data) == 0 {
		return nil
	}
	var h handover
	if err := decodeGob(data, &h); err != nil || h.Format != handoverFormat {
		note(manifest.Position{}, "the state of the process before cannot be read, and all state starts again: another version of anvil-lsp wrote it, or it is damaged")
		return notes
	}
	if h.Running > 0 {
		note(manifest.Position{}, "%s of the process before went on for longer than %v: what they change after that is not part of the state that was taken over",
			plural(h.Running, "request"), time.Duration(control.HandoverRequests))
	}
	things := map[string]thing{}
	for key, t := range *c.things.Load() {
		things[key.String()] = t
	}
	for _, t := range h.Things {
		is, ok := things[t.Name]
		switch {
		case !ok:
			note(manifest.Position{}, "%s starts again: nobody provides it any more", t.Name)
		case t.Failed != "":
			note(is.position, "%s starts empty: %s", t.Name, t.Failed)
		default:
			carrier := carrierIn(reflect.ValueOf(is.value).Elem())
			if carrier == nil {
				note(is.position, "%s starts again: it is no hotreload.Carrier any more", t.Name)
			} else if err := unmarshal(carrier, t.Data); err != nil {
				note(is.position, "%s starts empty: UnmarshalState: %v", t.Name, err)
			}
		}
	}
	states := map[string]handedState{}
	for _, s := range h.States {
		states[s.Key] = s
	}
	for _, s := range c.newestStates() {
		if _, ok := states[s.key]; ok {
			delete(states, s.key)
			note(manifest.Position{}, "state %q starts again: main asked for it before hotreload.LiveServer", s.key)
		}
	}
	c.handed.mu.Lock()
	defer c.handed.mu.Unlock()
	c.handed.states = states
	return notes
}

func unmarshal(carrier Carrier, data []byte) error {
	return within(context.Background(), control.HandoverCarrier, func(context.Context) error { return carrier.UnmarshalState(data) })
}

// arrive makes a value from the one that came from the process before. It reports
// false if there is none.
func (h *handedOver) arrive(a *migrate.Arrival) bool {
	s, ok := h.get(a.Key)
	switch {
	case !ok:
		return false
	case s.Failed != "":
		a.Initial()
		a.StartsAgain(s.Failed)
	case s.Carrier:
		a.Initial()
		arriveCarrier(a, s.Data)
	default:
		arriveImage(a, s.Data)
	}
	return true
}

func arriveCarrier(a *migrate.Arrival, data []byte) {
	carrier := carrierIn(a.Value)
	if carrier == nil {
		a.StartsAgain(fmt.Sprintf("its type %s is no hotreload.Carrier any more", symbol.NameOf(a.Type)))
		return
	}
	if err := unmarshal(carrier, data); err != nil {
		a.Value.SetZero()
		a.Initial()
		a.StartsAgain(fmt.Sprintf("UnmarshalState: %v", err))
	}
}

// arriveImage is Arrival.Continue for an image.
func arriveImage(a *migrate.Arrival, data []byte) {
	img, err := decodeImage(data)
	if err != nil {
		a.Initial()
		a.StartsAgain(err.Error())
		return
	}
	types := newClassifier(ownPackages())
	book := migrate.NewTypeBook(a.Type, a.Type, a.Holds, a.Hot)
	learnCommon(book)
	fits := newFitter(img, types, book)
	from := &img.Types[img.Root]
	a.From = from
	changed := !img.sameTypes(a.Type, types)
	root := fits.fit(img.Root, a.Type)
	lost := migrate.NewLosses()
	r := newImageReader(fits, lost, a.Step)
	at, ok := img.target(img.At[0], img.At[1], img.Root, 1)
	if !ok && img.At[0] != refEmpty {
		a.Initial()
		a.StartsAgain(errImage.Error())
		return
	}
	if ok {
		err = guarded(func() { r.discover(at, root) })
	}
	bound := r.bound.Lines(false)
	switch {
	case err != nil:
		a.Initial()
		a.StartsAgain(err.Error())
	case a.Hook != nil && (changed || root.do == migrate.DoNothing || len(bound) > 0):
		a.CallHook(imageOld{fits, at, img.Root}, migrate.NewPlanner(book), lost, changed)
	case root.do == migrate.DoNothing:
		a.Initial()
		a.ReportStart(root.why, changed)
	case len(bound) > 0:
		a.Initial()
		a.StartsAgain(migrate.Summary(bound))
	default:
		if root.partial || (root.do == migrate.DoPointer || root.do == migrate.DoRefer) && root.elem.partial {
			a.Initial()
		}
		if !ok {
			return // a value of no size
		}
		if err := guarded(func() { r.fillRoot(a.Value, at, root) }); err != nil {
			a.Value.SetZero()
			a.Initial()
			a.StartsAgain(err.Error())
			return
		}
		a.Report("was migrated", changed, lost)
	}
}

// learnCommon makes types known that interfaces often hold.
func learnCommon(b *migrate.TypeBook) {
	for _, t := range []reflect.Type{
		reflect.TypeFor[sync.Mutex](), reflect.TypeFor[sync.RWMutex](), typeTime, reflect.TypeFor[time.Duration](),
		reflect.TypeOf(errors.New("")).Elem(), reflect.TypeOf(fmt.Errorf("%w", errImage)).Elem(),
		reflect.TypeOf(errors.Join(errImage)).Elem(),
	} {
		if _, ok := b.Known[migrate.SourceName(t)]; !ok {
			b.Learn(t)
		}
	}
}

// sameTypes reports whether a type of this process is the one of the value.
func (m *image) sameTypes(t reflect.Type, types *classifier) bool {
	w := &imageWriter{classifier: types, img: &image{}, types: map[reflect.Type]int{}}
	same := true
	seen := map[[2]int]bool{}
	todo := [][2]int{{m.Root, w.describe(t)}}
	for same && len(todo) > 0 {
		pair := todo[0]
		todo = todo[1:]
		if seen[pair] {
			continue
		}
		seen[pair] = true
		x, y := &m.Types[pair[0]], &w.img.Types[pair[1]]
		same = x.Source == y.Source && x.Class == y.Class && x.Kind == y.Kind && x.Atomic == y.Atomic && x.Len == y.Len && len(x.Fields) == len(y.Fields)
		if !same {
			break
		}
		for i, f := range x.Fields {
			if same = same && f.Name == y.Fields[i].Name; same {
				todo = append(todo, [2]int{f.Type, y.Fields[i].Type})
			}
		}
		switch x.Class {
		case classMap:
			todo = append(todo, [2]int{x.Key, y.Key}, [2]int{x.Elem, y.Elem})
		case classArray, classSlice, classPointer:
			todo = append(todo, [2]int{x.Elem, y.Elem})
		}
	}
	return same
}
