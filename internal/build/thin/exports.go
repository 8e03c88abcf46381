package thin

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Exports are what an archive tells the compiler when it compiles an importer: the
// export data of the package, in the format of internal/pkgbits.
type Exports struct {
	sum [sha256.Size]byte
	// elements are the parts of the data, by section; nil where the format is not known.
	elements  *[sections][]element
	inlinable []inlinable
}

// element is one part of export data: what else it refers to, and the rest.
type element struct {
	data []byte
	refs []elementRef
}

type elementRef struct{ section, index int }

// The sections of export data.
const (
	sectionString  = 0
	sectionMeta    = 1
	sectionPosBase = 2 // names of files
	sectionType    = 5
	sectionObj     = 6
	sectionBody    = 9 // of functions that may be inlined, and of generic ones
	sections       = 10
)

// bodiesElement is the part of sectionMeta that lists the functions which may be
// inlined (cmd/compile/internal/noder.writeUnifiedExport).
const bodiesElement = 1

var errExports = errors.New("unknown format of export data")

// ReadExports reads the export data in the content of an archive. The result refers to it.
func ReadExports(archive string, data []byte) (*Exports, error) {
	raw, ok := exportsIn(data)
	if !ok {
		return nil, fmt.Errorf("%w: %s tells nothing about the package", errObject, archive)
	}
	e := &Exports{sum: sha256.Sum256(raw)}
	elements, err := readElements(raw)
	if err == nil {
		e.inlinable, err = readInlinable(elements)
	}
	if err == nil {
		e.elements = elements
	}
	return e, nil
}

// exportsIn returns the export data in the content of an archive, without the lines
// of text before it, which name the build.
func exportsIn(data []byte) (exports []byte, ok bool) {
	for name, member := range members(data) {
		if name != exportsMember {
			break // it is the first
		}
		_, exports, ok = bytes.Cut(member, []byte(exportsBegin))
		return exports, ok
	}
	return nil, false
}

// readElements takes export data apart.
func readElements(raw []byte) (*[sections][]element, error) {
	const versions = 3
	rest, ok := bytes.CutPrefix(raw, []byte("u"))
	if !ok || len(rest) < 8+4*sections {
		return nil, errExports
	}
	word := func() int {
		n := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		return int(n)
	}
	if version, flags := word(), word(); version < 1 || version >= versions || flags != 0 {
		return nil, errExports
	}
	var ends [sections]int
	for i := range ends {
		if ends[i] = word(); i > 0 && ends[i] < ends[i-1] {
			return nil, errExports
		}
	}
	total := ends[sections-1]
	if len(rest)/4 < total {
		return nil, errExports
	}
	table, content := rest[:4*total], rest[4*total:]
	var out [sections][]element
	from, n := 0, 0
	for section := range out {
		for ; n < ends[section]; n++ {
			to := int(binary.LittleEndian.Uint32(table[4*n:]))
			if to < from || to > len(content)-fingerprint {
				return nil, errExports
			}
			el := element{data: content[from:to]}
			if section != sectionString {
				if el.refs, ok = readRefs(el.data); !ok {
					return nil, errExports
				}
			}
			out[section] = append(out[section], el)
			from = to
		}
	}
	if len(out[sectionMeta]) != 2 {
		return nil, errExports
	}
	return &out, nil
}

// readRefs reads the table that an element begins with.
func readRefs(data []byte) ([]elementRef, bool) {
	n, ok := readNumber(&data)
	if !ok || n > len(data) {
		return nil, false
	}
	refs := make([]elementRef, n)
	for i := range refs {
		section, okSection := readNumber(&data)
		index, okIndex := readNumber(&data)
		if !okSection || !okIndex || section >= sections {
			return nil, false
		}
		refs[i] = elementRef{section, index}
	}
	return refs, true
}

func readNumber(data *[]byte) (int, bool) {
	n, size := binary.Uvarint(*data)
	if size <= 0 || n > 1<<31 {
		return 0, false
	}
	*data = (*data)[size:]
	return int(n), true
}

// string returns a string that an element refers to.
func (e *Exports) string(r elementRef) string {
	if all := e.elements[sectionString]; r.section == sectionString && r.index < len(all) {
		return string(all[r.index].data)
	}
	return ""
}

// Body is the body of a function that exports tell.
type Body struct {
	// Package is the import path and Func the name of a function that may be inlined:
	// f, or T.m for methods of *T as well. Both are empty for a generic one.
	Package, Func string
	// Files are those that positions in it are of.
	Files []string
}

// Bodies returns the bodies of functions that are told, which the compiler may inline
// or instantiate. They are of this package and of others.
func (e *Exports) Bodies() []Body {
	out := make([]Body, len(e.elements[sectionBody]))
	for i, el := range e.elements[sectionBody] {
		out[i].Files = e.files(el)
	}
	for _, f := range e.inlinable {
		out[f.body].Package, out[f.body].Func = e.string(f.path), plainFunc(e.string(f.name))
	}
	return out
}

// inlinable is an entry of the list of functions that may be inlined.
type inlinable struct {
	path, name elementRef
	body       int
}

// readInlinable reads that list: a flag, how many there are, and three references for
// each (cmd/compile/internal/noder.writeUnifiedExport).
func readInlinable(elements *[sections][]element) ([]inlinable, error) {
	el := elements[sectionMeta][bodiesElement]
	data := el.data
	number := func(most int) int {
		n, ok := readNumber(&data)
		if !ok || n > most {
			return -1
		}
		return n
	}
	for n := 1 + 2*number(len(data)); n > 1; n-- { // the references, which were read
		number(1 << 31)
	}
	number(1)
	n := number(len(data))
	var out []inlinable
	for range n {
		var refs [3]elementRef
		for i, section := range []int{sectionString, sectionString, sectionBody} {
			at := number(len(el.refs) - 1)
			if at < 0 || el.refs[at].section != section || el.refs[at].index >= len(elements[section]) {
				return nil, errExports
			}
			refs[i] = el.refs[at]
		}
		out = append(out, inlinable{refs[0], refs[1], refs[2].index})
	}
	if n < 0 || len(data) > 0 {
		return nil, errExports
	}
	return out, nil
}

// plainFunc returns T.m for (*T).m.
func plainFunc(name string) string {
	if rest, ok := strings.CutPrefix(name, "(*"); ok {
		return strings.Replace(rest, ")", "", 1)
	}
	return name
}

// files returns the files that positions in an element are of.
func (e *Exports) files(el element) (out []string) {
	for _, ref := range el.refs {
		bases := e.elements[sectionPosBase]
		if ref.section != sectionPosBase || ref.index >= len(bases) {
			continue
		}
		for _, name := range bases[ref.index].refs {
			if name.section == sectionString {
				out = append(out, e.string(name))
			}
		}
	}
	return out
}

// Equal reports whether the exports are the same.
func (e *Exports) Equal(other *Exports) bool { return e.sum == other.sum }

// Known reports whether the exports are in a format that is known here: otherwise
// nothing but Equal says anything.
func (e *Exports) Known() bool { return e.elements != nil }

// Alike reports whether the exports tell the same, positions included, whatever
// fingerprint the packages have.
func (e *Exports) Alike(was *Exports) bool {
	if !e.Known() || !was.Known() {
		return e.Equal(was)
	}
	for section := range e.elements {
		if !slices.EqualFunc(e.elements[section], was.elements[section],
			func(a, b element) bool { return bytes.Equal(a.data, b.data) }) {
			return false
		}
	}
	return true
}

// Moved reports whether the exports differ from earlier ones in nothing but the positions in files,
// as long as nothing but bodies of functions has changed in the source, that of all packages of
// which they tell something, which are neither told in them nor generic. What such an edit can
// change besides is then in what is compared: whether functions are inlined, what the analysis of
// escapes has found (all in the extensions of objects), and what else the exports mention.
func (e *Exports) Moved(was *Exports) bool {
	if !e.Known() || !was.Known() {
		return e.Equal(was)
	}
	for section := range e.elements {
		positions := section == sectionType || section == sectionObj || section == sectionBody
		if !slices.EqualFunc(e.elements[section], was.elements[section], func(a, b element) bool {
			if positions {
				return slices.Equal(a.refs, b.refs)
			}
			return bytes.Equal(a.data, b.data)
		}) {
			return false
		}
	}
	return true
}
