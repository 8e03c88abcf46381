package image

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Arrive makes a value from the one that came from the process before.
func Arrive(a *migrate.Arrival, s State) {
	switch {
	case s.Failed != "":
		a.Initial()
		a.StartsAgain(s.Failed)
	case s.Carrier:
		a.Initial()
		arriveCarrier(a, s.Data)
	default:
		arriveImage(a, s.Data)
	}
}

func arriveCarrier(a *migrate.Arrival, data []byte) {
	carrier := CarrierIn(a.Value)
	if carrier == nil {
		a.StartsAgain(fmt.Sprintf("its type %s is no hotreload.Carrier any more", symbol.NameOf(a.Type)))
		return
	}
	if err := Unmarshal(carrier, data); err != nil {
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
		same = x.Source == y.Source && x.Class == y.Class && x.Kind == y.Kind && x.Atomic == y.Atomic &&
			x.Len == y.Len && len(x.Fields) == len(y.Fields)
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
