package image

import (
	"reflect"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// fit says how a value in an image becomes one of a type of this process. It is
// for images what migrate.Plan is for values, and follows the same rules.
type fit struct {
	from int // type in the image
	to   reflect.Type
	do   migrate.Action
	why  migrate.LossKind // where do is DoNothing

	elem, key *fit // as in migrate.Plan
	fields    []fieldFit
	gone      []goneField
	fresh     int  // how many fields of to get nothing
	partial   bool // as in migrate.Plan
}

// fieldFit is a field of a struct; word is where it begins in the old form.
type fieldFit struct {
	word, to int
	fit      *fit
	site     migrate.Site
}

// goneField is a field of the old form that has no place in the new one.
type goneField struct {
	word, from int
	site       migrate.Site
}

// doUnmarshal: the type reads what it has written. It is an action for images
// only.
const doUnmarshal migrate.Action = migrate.DoSyncMap + 1

type fitPair struct {
	from int
	to   reflect.Type
}

// fitter makes fits. It is for one goroutine.
type fitter struct {
	*classifier
	img  *image
	book *migrate.TypeBook
	fits map[fitPair]*fit
	news map[int]reflect.Type // what newType said
}

func newFitter(img *image, types *classifier, book *migrate.TypeBook) *fitter {
	return &fitter{classifier: types, img: img, book: book, fits: map[fitPair]*fit{}, news: map[int]reflect.Type{}}
}

func (b *fitter) fit(from int, to reflect.Type) *fit {
	if known := b.fits[fitPair{from, to}]; known != nil {
		return known
	}
	p := &fit{from: from, to: to, why: migrate.LossType}
	b.fits[fitPair{from, to}] = p // a recursive type finds itself
	b.find(p, &b.img.Types[from])
	p.summarise(&b.img.Types[from])
	return p
}

func (b *fitter) find(p *fit, from *imageType) {
	to := b.class(p.to)
	switch {
	case from.Class == classLive:
		p.why = migrate.LossProcess
	case from.Class == classUnused || to == classUnused:
		if from.Class == to {
			p.do = migrate.DoUnused
		}
	case p.to.Kind() == reflect.Interface:
		p.do = migrate.DoBox
	case from.Class == classText || to == classText:
		if from.Class == to && from.Source == migrate.SourceName(p.to) || p.to == typeLocation && from.Text == p.to.String() {
			p.do = doUnmarshal
		}
	case to == classLive, from.Class == classInterface:
	case from.Class == classBasic && to == classBasic &&
		(migrate.AreNumbers(from.Kind, p.to.Kind()) || from.Kind == p.to.Kind()),
		from.Class == classComplex && to == classComplex, from.Class == classString && to == classString:
		p.do = migrate.DoNumber
	case from.Class == classString && to == classSlice, from.Class == classSlice && to == classString:
		if text := b.textType(p); text != nil && text.ConvertibleTo(p.to) {
			p.do = migrate.DoText
		}
	case to == classPointer && from.Class != classPointer && p.to.Kind() == reflect.Pointer && p.to.Name() == "":
		p.do = migrate.DoRefer
		b.findElem(p, p.from, p.to.Elem())
	case from.Class == classPointer && to != classPointer && !from.Atomic && from.Source == "" &&
		b.img.Types[from.Elem].Class != classPointer:
		p.do = migrate.DoFollow
		b.findElem(p, from.Elem, p.to)
	case from.Class != to:
	case to == classSyncMap:
		p.do = migrate.DoSyncMap
	case to == classPointer && p.to.Kind() == reflect.Struct:
		if from.Atomic {
			p.do = migrate.DoAtomicPointer
			b.findElem(p, from.Elem, migrate.AtomicTarget(p.to).Elem())
		}
	case from.Atomic:
	case b.counterparts(from, p.to):
		b.findParts(p, from)
	}
}

// textType returns the type of this process that is like a string, or a slice of
// bytes or runes, of the image; nil if it is something else.
func (b *fitter) textType(p *fit) reflect.Type {
	t := &b.img.Types[p.from]
	if t.Class == classString {
		return reflect.TypeFor[string]()
	}
	switch elem := &b.img.Types[t.Elem]; {
	case elem.Class == classBasic && elem.Kind == reflect.Uint8:
		return reflect.TypeFor[[]byte]()
	case elem.Class == classBasic && elem.Kind == reflect.Int32:
		return reflect.TypeFor[[]rune]()
	}
	return nil
}

// counterparts is that of migrate.TypeBook.
func (b *fitter) counterparts(from *imageType, to reflect.Type) bool {
	return from.Source == "" || to.Name() == "" || from.origin() == migrate.Origin(to) ||
		b.isOwnSource(from.Source) || b.isOwn(to)
}

// isOwnSource is isOwn for a type in an image.
func (b *fitter) isOwnSource(source string) bool {
	name, _, _ := strings.Cut(source, "[")
	return source == "" || b.own(name[:max(strings.LastIndexByte(name, '.'), 0)])
}

func (b *fitter) findParts(p *fit, from *imageType) {
	switch from.Class {
	case classStruct:
		p.do = migrate.DoFields
		b.findFields(p, from)
		return
	case classArray:
		p.do = migrate.DoElements
	case classSlice:
		p.do = migrate.DoSlice
	case classPointer:
		p.do = migrate.DoPointer
	case classMap:
		p.do = migrate.DoMap
		if p.key = b.fit(from.Key, p.to.Key()); p.key.do == migrate.DoNothing {
			p.do, p.why = migrate.DoNothing, p.key.why
			return
		}
	}
	b.findElem(p, from.Elem, p.to.Elem())
}

func (b *fitter) findElem(p *fit, from int, to reflect.Type) {
	if p.elem = b.fit(from, to); p.elem.do == migrate.DoNothing {
		p.do, p.why = migrate.DoNothing, p.elem.why
	}
}

// findFields pairs fields by name, as migrate.Planner does.
func (b *fitter) findFields(p *fit, from *imageType) {
	places := map[string]int{}
	for i := range p.to.NumField() {
		if f := p.to.Field(i); goes(p.to, f) {
			places[f.Name] = i
		}
	}
	word, impossible := 0, 0
	for _, f := range from.Fields {
		at := migrate.Site{Owner: from, Field: f.Name}
		if j, ok := places[f.Name]; ok {
			delete(places, f.Name)
			of := b.fit(f.Type, p.to.Field(j).Type)
			p.fields = append(p.fields, fieldFit{word, j, of, at})
			if of.do == migrate.DoNothing {
				p.why = of.why
				impossible++
			}
		} else {
			p.gone = append(p.gone, goneField{word, f.Type, at})
		}
		word += b.img.sizes[f.Type]
	}
	p.fresh = len(places) + impossible
	lost := impossible + len(p.gone)
	nothing := len(from.Fields) > 0 && lost == len(from.Fields)
	if nothing || lost > 0 && !b.isOwnSource(from.Source) {
		p.do = migrate.DoNothing
	}
}

// summarise finds what follows from the parts; see migrate.Plan.
func (p *fit) summarise(from *imageType) {
	switch p.do {
	case migrate.DoNothing:
		p.partial = true
	case migrate.DoNumber:
		p.partial = from.Class == classBasic && from.Kind != p.to.Kind()
	case migrate.DoFollow:
		p.partial = true
	case migrate.DoElements:
		p.partial = p.elem.partial || p.to.Len() > from.Len
	case migrate.DoFields:
		p.partial = p.fresh > 0
		for _, f := range p.fields {
			p.partial = p.partial || f.fit.partial
		}
	}
}

// newType returns the type that a value in an interface is to have; nil if it is
// not known. See migrate.TypeBook.
func (b *fitter) newType(id int) reflect.Type {
	if known, ok := b.news[id]; ok {
		return known
	}
	b.news[id] = nil // of what leads to itself
	now := b.findNew(&b.img.Types[id])
	b.news[id] = now
	return now
}

var predeclared = func() map[reflect.Kind]reflect.Type {
	all := map[reflect.Kind]reflect.Type{}
	for _, v := range []any{
		false, 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), uintptr(0),
		float32(0), float64(0), complex64(0), complex128(0),
	} {
		all[reflect.TypeOf(v).Kind()] = reflect.TypeOf(v)
	}
	return all
}()

func (b *fitter) findNew(t *imageType) reflect.Type {
	if t.Source != "" {
		return b.book.Known[t.Source]
	}
	switch t.Class {
	case classBasic, classComplex:
		return predeclared[t.Kind]
	case classString:
		return reflect.TypeFor[string]()
	case classInterface:
		switch t.Text {
		case "error":
			return reflect.TypeFor[error]()
		case migrate.TypeAny.String():
			return migrate.TypeAny
		}
	case classText:
		if t.Text == typeLocation.String() {
			return typeLocation
		}
	case classPointer:
		if elem := b.newType(t.Elem); elem != nil && !t.Atomic {
			return reflect.PointerTo(elem)
		}
	case classSlice:
		if elem := b.newType(t.Elem); elem != nil {
			return reflect.SliceOf(elem)
		}
	case classArray:
		if elem := b.newType(t.Elem); elem != nil && elem.Size()*uintptr(t.Len) < maxSize {
			return reflect.ArrayOf(t.Len, elem)
		}
	case classMap:
		if key, elem := b.newType(t.Key), b.newType(t.Elem); key != nil && elem != nil && key.Comparable() {
			return reflect.MapOf(key, elem)
		}
	}
	return nil
}
