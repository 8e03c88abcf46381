package thin

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Renaming makes objects of packages as the compiler would write them if it and its
// imports had other import paths, but for the hashes of types: those stay the ones of
// the paths that they were compiled under. They are in the code as well, so all packages
// that know a type have to be renamed from the same path. Types of different packages
// may share a hash: whoever compares hashes compares more. It is immutable.
type Renaming struct {
	paths  map[string]string
	groups []renameGroup
}

// renameGroup are the rules for import paths that begin alike.
type renameGroup struct {
	stem  string
	rules []renameRule // the longest first
}

// renameRule is for an import path as it stands in names of symbols, and the dot behind it.
type renameRule struct{ from, to string }

// WholeShapes is the flag that has the compiler write out the types in the names of instances of
// generic functions, however long (cmd/compile/internal/noder.shapify).
const WholeShapes = "-d=maxshapelen=0"

// errRename says that a path cannot be renamed.
var errRename = errors.New("cannot be told from a name")

// NewRenaming returns the renaming of import paths. Packages are all that the
// archives may mention; those that are no keys of paths keep theirs. It fails for a
// path that is one word: in the texts of types it cannot be told from a package's name.
//
// The archives must be compiled without hashes in place of long shapes, which would
// hide import paths ([WholeShapes]).
func NewRenaming(paths map[string]string, packages []string) (*Renaming, error) {
	r := &Renaming{paths: paths}
	rules := map[string][]renameRule{}
	add := func(from, to string) {
		first, _, _ := strings.Cut(from, "/")
		rules[first] = append(rules[first], renameRule{SymbolPath(from) + ".", SymbolPath(to) + "."})
	}
	for from, to := range paths {
		if from == to {
			continue
		}
		if !strings.Contains(from, "/") {
			return nil, fmt.Errorf("the import path %s %w", from, errRename)
		}
		add(from, to)
	}
	for _, p := range packages {
		if to, ok := paths[p]; ok && to != p {
			continue
		}
		for from, to := range paths {
			if from != to && strings.HasPrefix(p, from+".") && strings.HasPrefix(SymbolPath(p), SymbolPath(from)+".") {
				add(p, p)
				break
			}
		}
	}
	for _, first := range slices.Sorted(maps.Keys(rules)) {
		g := renameGroup{stem: rules[first][0].from, rules: rules[first]}
		for _, rule := range g.rules {
			for !strings.HasPrefix(rule.from, g.stem) {
				g.stem = g.stem[:len(g.stem)-1]
			}
		}
		slices.SortFunc(g.rules, func(a, b renameRule) int {
			return cmp.Or(len(b.from)-len(a.from), strings.Compare(a.from, b.from))
		})
		r.groups = append(r.groups, g)
	}
	return r, nil
}

// symbol returns the name that a symbol has then.
func (r *Renaming) symbol(name string) string {
	if strings.HasPrefix(name, "go:string.") { // what comes then is the program's text
		return name
	}
	for _, g := range r.groups {
		for at := 0; ; {
			next := strings.Index(name[at:], g.stem)
			if next < 0 {
				break
			}
			at += next
			size := len(g.stem)
			if beginsPath(name, at) && !quoted(name[:at]) {
				for _, rule := range g.rules {
					if strings.HasPrefix(name[at:], rule.from) {
						name = name[:at] + rule.to + name[at+len(rule.from):]
						size = len(rule.to)
						break
					}
				}
			}
			at += size
		}
	}
	return name
}

// quoted reports whether a name goes on in a quoted string, a struct tag, after a part of it.
func quoted(part string) bool {
	in := false
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '"':
			in = !in
		case '\\':
			i++ // what is behind it is escaped
		}
	}
	return in
}

// beginsPath reports whether an import path can begin at a place in the name of a symbol.
func beginsPath(name string, at int) bool {
	if at == 0 {
		return true
	}
	c := name[at-1]
	if c == '.' { // of ...T, or behind what the compiler puts before a name, as in type:.eq.
		before := name[:at-1]
		return strings.HasSuffix(before, "..") ||
			strings.HasPrefix(before, "type:.") && !strings.Contains(before[len("type:."):], ".") ||
			strings.HasPrefix(before, "go:") && !strings.Contains(before, ".")
	}
	return strings.IndexByte(" *[](){},;:", c) >= 0
}

// Archive returns what the linker reads of the archive of which this is the content, renamed.
func (r *Renaming) Archive(archive string, data []byte) ([]byte, error) {
	out := append(make([]byte, 0, len(data)+len(data)/8), archiveMagic...)
	at := len(archiveMagic)
	for name, member := range members(data) {
		header := len(out)
		out = append(out, data[at:at+archiveHeader]...)
		at += archiveHeader + len(member) + len(member)&1
		begin := objectBegin
		if name == exportsMember {
			begin = exportsBegin
		}
		text, content, ok := bytes.Cut(member, []byte(begin))
		if !ok {
			return nil, fmt.Errorf("%w: %s: no object in %s", errObject, archive, name)
		}
		out = append(append(out, text...), begin...)
		if name == exportsMember { // they are for the compiler
			out = append(out, exportsEnd...)
		} else if err := r.object(&out, content); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", archive, name, err)
		}
		size := len(out) - header - archiveHeader
		copy(out[header+48:], fmt.Sprintf("%-10d", size))
		if size&1 != 0 {
			out = append(out, 0)
		}
	}
	if at < len(data) {
		return nil, fmt.Errorf("%w: %s ends early", errObject, archive)
	}
	return out, nil
}

// What the names of symbols begin with that hold an import path, with a dot behind
// it, and the name of a type, which mentions import paths where it has arguments.
const (
	importPath = "type:.importpath."
	nameData   = "type:.namedata."
)

// object appends an object, renamed. Names that change go to its end: they are
// referred to by where they are.
func (r *Renaming) object(to *[]byte, content []byte) error {
	o, err := newObject(content)
	if err != nil {
		return err
	}
	type change struct {
		at   int // of the record that refers to it
		name string
	}
	var changes []change
	for _, b := range []struct{ block, record int }{{blockImports, importRecord}, {blockPackages, stringRecord}} {
		for at := o.blocks[b.block]; at+b.record <= o.blocks[b.block+1]; at += b.record {
			if name, ok := r.paths[o.text(content[at:])]; ok {
				changes = append(changes, change{at, name})
			}
		}
	}
	var texts []int // symbols that hold a text that changes
	for at := o.blocks[blockSymbols]; at+symbolRecord <= o.blocks[blockReferences+1]; at += symbolRecord {
		name := o.text(content[at:])
		i := (at - o.blocks[blockSymbols]) / symbolRecord
		renamed := r.symbol(name)
		if renamed == name {
			continue
		}
		changes = append(changes, change{at, renamed})
		if i < o.defined() && (strings.HasPrefix(name, importPath) || strings.HasPrefix(name, nameData)) {
			texts = append(texts, i)
		}
	}

	begin := len(*to)
	out := append(*to, content[:o.blocks[blockData]]...)
	values := content[o.blocks[blockData]:o.blocks[blockData+1]]
	word := func(at int) []byte { return out[begin+at : begin+at+4] }
	index := func(i int) int { return o.blocks[blockDataIndex] + 4*i }
	from, grown := 0, 0
	for k, i := range texts {
		value := o.indexed(i, blockDataIndex, blockData, 1)
		text, ok := r.text(value)
		at := int(binary.LittleEndian.Uint32(content[index(i):]))
		if !ok || at < from {
			return fmt.Errorf("%w: %s", errObject, o.name(i))
		}
		out = append(append(out, values[from:at]...), text...)
		from = at + len(value)
		binary.LittleEndian.PutUint32(word(o.blocks[blockSymbols]+i*symbolRecord+symbolLength), uint32(len(text)))
		grown += len(text) - len(value)
		last := o.defined()
		if k+1 < len(texts) {
			last = texts[k+1]
		}
		for n := i + 1; n <= last; n++ {
			binary.LittleEndian.PutUint32(word(index(n)), binary.LittleEndian.Uint32(content[index(n):])+uint32(grown))
		}
	}
	out = append(append(out, values[from:]...), content[o.blocks[blockData+1]:]...)
	for block := blockData + 1; block < objectBlocks; block++ {
		binary.LittleEndian.PutUint32(word(blocksAt+4*block), uint32(o.blocks[block]+grown))
	}
	for _, c := range changes {
		binary.LittleEndian.PutUint32(word(c.at), uint32(len(c.name)))
		binary.LittleEndian.PutUint32(word(c.at+4), uint32(len(out)-begin))
		out = append(out, c.name...)
	}
	*to = out
	return nil
}

// text returns the value of a symbol that holds an import path or the name of a type, as the
// runtime's type for names has it: flags, the length, the text, and what may come then.
func (r *Renaming) text(value []byte) ([]byte, bool) {
	if len(value) < 2 {
		return nil, false
	}
	n, size := binary.Uvarint(value[1:])
	if size <= 0 || n > uint64(len(value)-1-size) {
		return nil, false
	}
	text, rest := string(value[1+size:][:n]), value[1+size+int(n):]
	to, ok := r.paths[text]
	if !ok {
		to = r.symbol(text)
	}
	out := binary.AppendUvarint([]byte{value[0]}, uint64(len(to)))
	return append(append(out, to...), rest...), true
}
