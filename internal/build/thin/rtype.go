package thin

import (
	"encoding/binary"
	"fmt"
)

// The layout of type descriptors (internal/abi.Type), as far as it matters
// here. Linker and runtime share it.
const (
	typePointers = 8  // PtrBytes
	typeFlags    = 20 // TFlag
	typeKind     = 23
	typeEqual    = 24
	typeMask     = 32 // GCData
	typeName     = 40 // Str
	typeCommon   = 48 // what follows depends on the kind

	flagMaskOnDemand = 1 << 4

	kindMask   = 1<<5 - 1
	kindArray  = 17
	kindMap    = 21
	kindStruct = 25

	mapHasher = typeCommon + 24

	structFields = typeCommon + 8 // slice
	fieldSize    = 24             // Name, Typ, Offset
)

// moduleNext returns the offset of the field next in the runtime's moduledata,
// which the list of loaded modules is made of.
func moduleNext(im *Image) (uint64, error) {
	const name = "type:runtime.moduledata"
	s, ok := im.symbols[name]
	if !ok {
		return 0, fmt.Errorf("%w: %s does not export %s", errImage, im.Path, name)
	}
	data, err := im.read(s.value, s.size)
	if err != nil {
		return 0, err
	}
	if len(data) < structFields+16 || data[typeKind]&kindMask != kindStruct {
		return 0, fmt.Errorf("%w: %s is not a struct", errImage, name)
	}
	fields := im.load(s.value+structFields, data[structFields:])
	count := binary.LittleEndian.Uint64(data[structFields+8:])
	if count > 1000 {
		return 0, fmt.Errorf("%w: %s has %d fields", errImage, name, count)
	}
	table, err := im.read(fields, count*fieldSize)
	if err != nil {
		return 0, err
	}
	for i := range count {
		field, err := im.goName(im.load(fields+i*fieldSize, table[i*fieldSize:]))
		if err != nil {
			return 0, err
		}
		if field == "next" {
			return binary.LittleEndian.Uint64(table[i*fieldSize+16:]), nil
		}
	}
	return 0, fmt.Errorf("%w: runtime.moduledata has no field next", errImage)
}

// load returns the address that is stored at an address, where the file holds raw.
func (im *Image) load(at uint64, raw []byte) uint64 {
	for _, p := range im.pointers(at, 8) {
		return p.at
	}
	return binary.LittleEndian.Uint64(raw)
}

// pointerAt is load for a pointer that may lead to another image.
func (im *Image) pointerAt(at uint64, raw []byte) pointer {
	for _, p := range im.pointers(at, 8) {
		return p
	}
	return pointer{at: binary.LittleEndian.Uint64(raw)}
}

// descriptor is a type descriptor as the Go linker wants to read it.
type descriptor struct {
	data  []byte
	mask  []byte         // which words are pointers; nil if the type has none
	types map[int]string // offset of a pointer in data → the type it leads to
}

// describe returns a type descriptor, and which types it leads to, as far as
// the linker follows them to find out where a variable of the type has pointers:
// elements of arrays and fields of structs. It is not to be changed: each link asks for
// nearly the same ones, so they are remembered.
func (im *Image) describe(s symbol) (descriptor, error) {
	if d, known := im.described.Load(s); known {
		return d.(descriptor), nil
	}
	d, err := im.readType(s)
	if err == nil {
		im.described.Store(s, d)
	}
	return d, err
}

func (im *Image) readType(s symbol) (descriptor, error) {
	data, err := im.read(s.value, s.size)
	if err != nil {
		return descriptor{}, err
	}
	if len(data) < typeCommon {
		return descriptor{}, fmt.Errorf("%w: a type descriptor of %d bytes", errImage, len(data))
	}
	d := descriptor{data: data, types: map[int]string{}}
	if n := binary.LittleEndian.Uint64(data[typePointers:]); n > 0 && data[typeFlags]&flagMaskOnDemand == 0 {
		at := im.load(s.value+typeMask, data[typeMask:])
		if d.mask, err = im.read(at, (n/8+7)/8); err != nil {
			return descriptor{}, err
		}
	}
	kind := data[typeKind] & kindMask
	if kind != kindArray && kind != kindStruct {
		return d, nil
	}
	for at := typeCommon; at+8 <= len(data); at += 8 {
		if name := im.typeAt(im.pointerAt(s.value+uint64(at), data[at:])); name != "" {
			d.types[at] = name
		}
	}
	return d, nil
}
