package thin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The application binary interfaces that a reference can ask for (cmd/internal/obj.ABI).
const (
	abi0        = 0
	abiInternal = 1
)

// reference is a symbol that an object needs from elsewhere.
type reference struct {
	name string
	abi  uint16
}

// errObject reports an archive that this reader does not understand: another
// release of Go may write another format.
var errObject = errors.New("unknown format of a compiled package")

// object is a compiled package, or an assembled part of one, in the format of cmd/internal/goobj: a
// header with the offsets of blocks, which hold records of fixed size. In objects compiled with
// -linkshared symbols refer to each other by name.
type object struct {
	data   []byte
	blocks [objectBlocks]int
}

// The blocks that are read here.
const (
	blockImports    = 0 // packages
	blockPackages   = 1
	blockSymbols    = 3 // definitions, in four blocks
	blockReferences = 7
	blockRelocIndex = 11
	blockAuxIndex   = 12
	blockDataIndex  = 13
	blockRelocs     = 14
	blockAux        = 15
	blockData       = 16
	objectBlocks    = 19
)

const (
	objectMagic   = "\x00go120ld"
	fingerprint   = 8
	blocksAt      = len(objectMagic) + fingerprint + 4 // after the fingerprint and flags
	objectHeader  = blocksAt + 4*objectBlocks
	stringRecord  = 4 + 4
	importRecord  = stringRecord + fingerprint
	symbolRecord  = stringRecord + 2 + 1 + 1 + 1 + 4 + 4
	relocRecord   = 4 + 1 + 2 + 8 + 8
	auxRecord     = 1 + 8
	symbolLength  = stringRecord + 2 + 1 + 1 + 1 // where a symbol's record has its size
	auxGoType     = 0
	auxFuncInfo   = 1
	exportsMember = "__.PKGDEF"
	exportsBegin  = "\n$$B\n"
	exportsEnd    = "\n$$\n"
	objectBegin   = "\n!\n"
	archiveMagic  = "!<arch>\n"
	archiveHeader = 60
)

// Package numbers with a meaning of their own; a symbol is a package's number and its own.
const (
	inNone     = 1<<31 - 1 - iota // symbols that are referred to by name
	inHashed64                    // symbols that are named by their content
	inHashed
	inBuiltin
	inSelf
)

// readObjects returns the objects in the archive of a package.
func readObjects(archive string) ([]*object, error) {
	data, err := os.ReadFile(archive)
	if err != nil {
		return nil, fmt.Errorf("reading a compiled package: %w", err)
	}
	return parseObjects(archive, data)
}

// parseObjects returns the objects in the content of an archive, as parts of it.
func parseObjects(archive string, data []byte) ([]*object, error) {
	var out []*object
	for name, member := range members(data) {
		if name == exportsMember || !bytes.HasPrefix(member, []byte("go object ")) {
			continue // for the compiler, or made by a C compiler
		}
		_, content, ok := bytes.Cut(member, []byte(objectBegin))
		if !ok {
			return nil, fmt.Errorf("%w: %s: no object in %s", errObject, archive, name)
		}
		o, err := newObject(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s holds no Go object", errObject, archive)
	}
	return out, nil
}

// members iterates over the files in an archive: their names and contents, as parts of data.
func members(data []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		rest, ok := bytes.CutPrefix(data, []byte(archiveMagic))
		for ok && len(rest) >= archiveHeader {
			name := strings.TrimRight(string(rest[:16]), " ")
			size, err := strconv.Atoi(strings.TrimRight(string(rest[48:58]), " "))
			rest = rest[archiveHeader:]
			if err != nil || size < 0 || size > len(rest) || !yield(name, rest[:size:size]) {
				return
			}
			rest = rest[min(size+size&1, len(rest)):]
		}
	}
}

func newObject(data []byte) (*object, error) {
	if len(data) < objectHeader || string(data[:len(objectMagic)]) != objectMagic {
		return nil, errObject
	}
	o := &object{data: data}
	at := objectHeader
	for i := range o.blocks {
		o.blocks[i] = int(binary.LittleEndian.Uint32(data[blocksAt+4*i:]))
		if o.blocks[i] < at || o.blocks[i] > len(data) {
			return nil, fmt.Errorf("%w: block %d is out of range", errObject, i)
		}
		at = o.blocks[i]
	}
	for i := blockSymbols; i <= blockReferences; i++ {
		if (o.blocks[i+1]-o.blocks[i])%symbolRecord != 0 {
			return nil, fmt.Errorf("%w: block %d has %d bytes", errObject, i, o.blocks[i+1]-o.blocks[i])
		}
	}
	n := o.defined() + 1
	for _, i := range []int{blockRelocIndex, blockAuxIndex, blockDataIndex} {
		if o.blocks[i+1]-o.blocks[i] < 4*n {
			return nil, fmt.Errorf("%w: block %d is too short for %d symbols", errObject, i, n)
		}
	}
	return o, nil
}

// count returns the number of symbols before those of a block.
func (o *object) count(block int) int {
	return (o.blocks[block] - o.blocks[blockSymbols]) / symbolRecord
}

// defined returns the number of symbols that the object defines. They are
// numbered from 0, those that it refers to follow.
func (o *object) defined() int { return o.count(blockReferences) }

// name returns the name of a symbol, empty if it has none or is out of range.
func (o *object) name(i int) string {
	at := o.blocks[blockSymbols] + i*symbolRecord
	if i < 0 || at+symbolRecord > o.blocks[blockReferences+1] {
		return ""
	}
	return o.text(o.data[at:])
}

// text returns the string that a record refers to, empty if it is out of range.
func (o *object) text(record []byte) string {
	size, offset := int(binary.LittleEndian.Uint32(record)), int(binary.LittleEndian.Uint32(record[4:]))
	if offset+size > len(o.data) {
		return ""
	}
	return string(o.data[offset : offset+size])
}

// resolve returns the number of the symbol that a record refers to, -1 if it is another package's.
func (o *object) resolve(record []byte) int {
	in, i := binary.LittleEndian.Uint32(record), int(binary.LittleEndian.Uint32(record[4:]))
	switch in {
	case inSelf:
		return i
	case inHashed64:
		return o.count(blockSymbols+1) + i
	case inHashed:
		return o.count(blockSymbols+2) + i
	case inNone:
		return o.count(blockSymbols+3) + i
	}
	return -1
}

// indexed returns the bytes of the block that belong to a defined symbol.
func (o *object) indexed(i, index, block, record int) []byte {
	at := o.blocks[index] + 4*i
	from, to := int(binary.LittleEndian.Uint32(o.data[at:])), int(binary.LittleEndian.Uint32(o.data[at+4:]))
	content := o.data[o.blocks[block]:o.blocks[block+1]]
	if from > to || to*record > len(content) {
		return nil
	}
	return content[from*record : to*record]
}

// references returns the symbols that the object needs from elsewhere.
func (o *object) references() []reference {
	n := o.count(blockReferences + 1)
	out := make([]reference, 0, n-o.defined())
	for i := o.defined(); i < n; i++ {
		abi := binary.LittleEndian.Uint16(o.data[o.blocks[blockSymbols]+i*symbolRecord+8:])
		out = append(out, reference{name: o.name(i), abi: abi})
	}
	return out
}

// variableTypes returns the names of the types whose descriptors the object does not contain, and
// which its variables are of or are made of. The linker needs them to tell the garbage collector
// where pointers are, though the program may do without.
func (o *object) variableTypes() []string {
	var out []string
	seen := map[int]bool{}
	var visit func(t int)
	visit = func(t int) {
		switch {
		case t < 0 || seen[t]:
		case t >= o.defined():
			seen[t] = true
			out = append(out, o.name(t))
		default:
			seen[t] = true
			o.parts(t, func(_, part int) { visit(part) })
		}
	}
	for i := range o.defined() {
		for aux := o.indexed(i, blockAuxIndex, blockAux, auxRecord); len(aux) >= auxRecord; aux = aux[auxRecord:] {
			if aux[0] == auxGoType {
				visit(o.resolve(aux[1:]))
			}
		}
	}
	return out
}

// isType reports whether a symbol is a type descriptor.
func isType(name string) bool {
	return strings.HasPrefix(name, "type:") && !strings.HasPrefix(name, "type:.")
}

// defines returns the number of the symbol that the object defines under a name,
// -1 if it does not.
func (o *object) defines(name string) int {
	for i := range o.defined() {
		if o.name(i) == name {
			return i
		}
	}
	return -1
}

// parts calls f for each type that a descriptor leads to, as far as the linker
// follows it (see describe), with the offset of the pointer to it.
func (o *object) parts(i int, f func(at, part int)) {
	data := o.indexed(i, blockDataIndex, blockData, 1)
	if len(data) < typeCommon {
		return
	}
	if kind := data[typeKind] & kindMask; kind != kindArray && kind != kindStruct {
		return
	}
	for r := range o.relocations(i) {
		at, target := r.offset(), o.resolve(r.target())
		if target >= 0 && r.size() == 8 && r.addend() == 0 && at >= typeCommon && isType(o.name(target)) {
			f(at, target)
		}
	}
}

// describe returns a type descriptor that the object defines, with the names of
// types as they are in objects.
func (o *object) describe(name string) (descriptor, bool) {
	i := o.defines(name)
	if i < 0 {
		return descriptor{}, false
	}
	d := descriptor{data: bytes.Clone(o.indexed(i, blockDataIndex, blockData, 1)), types: map[int]string{}}
	if len(d.data) < typeCommon {
		return descriptor{}, false
	}
	for r := range o.relocations(i) {
		if target := o.resolve(r.target()); r.offset() == typeMask && r.size() == 8 && target >= 0 && target < o.defined() {
			d.mask = bytes.Clone(o.indexed(target, blockDataIndex, blockData, 1))
		}
	}
	o.parts(i, func(at, part int) { d.types[at] = o.name(part) })
	return d, true
}
