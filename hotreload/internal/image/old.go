package image

import (
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// imageOld is a value of an image, as a function for hotreload.WithMigration sees it.
type imageOld struct {
	fits *fitter
	at   spot
	id   int // its type
}

func (o imageOld) form() *imageType           { return &o.fits.img.Types[o.id] }
func (o imageOld) OldType() migrate.NamedType { return o.form() }

func (o imageOld) Target() migrate.Form {
	img := o.fits.img
	for range len(img.Types) + len(img.Objects) { // an end, whatever the image says
		switch t := o.form(); t.Class {
		case classPointer:
			at, ok := img.target(img.word(o.at), img.word(o.at.plus(1)), t.Elem, 1)
			if !ok {
				return nil
			}
			o.at, o.id = at, t.Elem
		case classInterface:
			i, ok := img.object(img.word(o.at), objectBox)
			if !ok {
				return nil
			}
			o.at, o.id = spot{i, 0}, img.Objects[i].Type
		default:
			return o
		}
	}
	return nil
}

func (o imageOld) Fields() (names []string) {
	for _, f := range o.form().Fields {
		names = append(names, f.Name)
	}
	return names
}

func (o imageOld) Field(name string) migrate.Form {
	word := 0
	for _, f := range o.form().Fields {
		if f.Name == name {
			return imageOld{o.fits, o.at.plus(word), f.Type}
		}
		word += o.fits.img.sizes[f.Type]
	}
	return nil
}

func (o imageOld) Len() int {
	img := o.fits.img
	switch t := o.form(); t.Class {
	case classArray:
		return t.Len
	case classSlice:
		if img.word(o.at) != refNil {
			return int(min(img.word(o.at.plus(2)), maxSize))
		}
	case classMap:
		if i, ok := img.object(img.word(o.at), objectMap); ok {
			return img.Objects[i].Count
		}
	}
	return 0
}

func (o imageOld) Index(i int) migrate.Form {
	t, img := o.form(), o.fits.img
	if i < 0 || i >= o.Len() || t.Class == classMap {
		return nil
	}
	at := o.at
	if t.Class == classSlice {
		var ok bool
		if at, ok = img.target(img.word(o.at), img.word(o.at.plus(1)), t.Elem, o.Len()); !ok {
			return nil
		}
	}
	return imageOld{o.fits, at.plus(i * img.sizes[t.Elem]), t.Elem}
}

func (o imageOld) All(yield func(key, elem migrate.Form) bool) {
	t, img := o.form(), o.fits.img
	if t.Class != classMap {
		for i := range o.Len() {
			if elem := o.Index(i); elem == nil || !yield(migrate.LiveOld{Value: migrate.Variable(i)}, elem) {
				return
			}
		}
		return
	}
	object, ok := img.object(img.word(o.at), objectMap)
	if !ok || img.Objects[object].Type != o.id {
		return
	}
	size := img.entry(img.Objects[object])
	for i := range img.Objects[object].Count {
		at := spot{object, i * size}
		if !yield(imageOld{o.fits, at, t.Key}, imageOld{o.fits, at.plus(img.sizes[t.Key]), t.Elem}) {
			return
		}
	}
}

func (o imageOld) As(dst reflect.Value, in *migrate.Inquiry, at *migrate.Site) {
	o.fits.book.Learn(dst.Type())
	clear(o.fits.news)
	if k := dst.Kind(); k != reflect.Pointer && k != reflect.Interface {
		if target, ok := o.Target().(imageOld); ok {
			o = target
		}
	}
	p := o.fits.fit(o.id, dst.Type())
	r := newImageReader(o.fits, in.Lost, in.Step)
	r.where = *at
	if guarded(func() {
		r.discover(o.at, p)
		r.fillRoot(dst, o.at, p)
	}) != nil {
		dst.SetZero()
		r.lose(migrate.LossMoved, at, p)
	}
}
