package thin

import "encoding/binary"

// relocation is a record of the block of relocations: an offset, a size, a type,
// an addend and the symbol. Writing to it changes the object.
type relocation []byte

// weak is the bit of a relocation's type which says that its target is not
// needed because of it (cmd/internal/objabi.R_WEAK).
const weak = 1 << 15

func (r relocation) offset() int    { return int(int32(binary.LittleEndian.Uint32(r))) }
func (r relocation) size() int      { return int(r[4]) }
func (r relocation) kind() uint16   { return binary.LittleEndian.Uint16(r[5:]) &^ weak }
func (r relocation) addend() uint64 { return binary.LittleEndian.Uint64(r[7:]) }
func (r relocation) target() []byte { return r[15:] }

// weaken has the linker not follow the relocation.
func (r relocation) weaken() {
	binary.LittleEndian.PutUint16(r[5:], binary.LittleEndian.Uint16(r[5:])|weak)
}

// empty takes the target away.
func (r relocation) empty() { clear(r[15:relocRecord]) }

// relocations iterates over the relocations of a defined symbol.
func (o *object) relocations(i int) func(yield func(relocation) bool) {
	return func(yield func(relocation) bool) {
		for r := o.indexed(i, blockRelocIndex, blockRelocs, relocRecord); len(r) >= relocRecord; r = r[relocRecord:] {
			if !yield(relocation(r[:relocRecord:relocRecord])) {
				return
			}
		}
	}
}

// methodOffsets returns the relocations of a type descriptor's table of methods: of each method its
// type and two functions, as offsets. They are of a type of their own. All other offsets in a
// descriptor are of the type that its name has, which each descriptor begins with.
func (o *object) methodOffsets(i int) []relocation {
	var out []relocation
	plain, named := uint16(0), false
	for r := range o.relocations(i) {
		if r.offset() == typeName {
			plain, named = r.kind(), true
		}
	}
	for r := range o.relocations(i) {
		if named && r.size() == 4 && r.offset() >= typeCommon && r.kind() != plain {
			out = append(out, r)
		}
	}
	return out
}

// cut takes out of the descriptor of a type what only the copy that counts needs:
// its methods and how values are compared. The linker would link them all.
func (o *object) cut(i int) {
	kind := byte(0)
	if d := o.indexed(i, blockDataIndex, blockData, 1); len(d) >= typeCommon {
		kind = d[typeKind] & kindMask
	}
	for _, r := range o.methodOffsets(i) {
		r.empty()
	}
	for r := range o.relocations(i) {
		if at := r.offset(); r.size() == 8 && (at == typeEqual || at == mapHasher && kind == kindMap) {
			r.weaken()
		}
	}
}
