package thin

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// stub is the shared library that the Go linker is shown in place of the
// images: the symbols that the objects refer to, and nothing else.
type stub struct {
	images []*Image // in the order in which they were loaded
	// archived finds type descriptors that no image has in the archive of their
	// package or, for types without a name, of the one that mentions them.
	archived func(name, mentioned string) (d descriptor, in string, ok bool)

	exports map[string]export
	queue   []string // type descriptors that are exported but not described yet
}

// export is a symbol of the stub.
type export struct {
	image *Image // nil for a type that no image has
	symbol
	descriptor // of a type
}

// always are symbols that the linker looks up by itself. It needs the names,
// whether an image has them or not.
var always = []reference{
	{"runtime.mapinitnoop", abiInternal},
	{"runtime.unreachableMethod", abiInternal},
	{"runtime.lastmoduledatap", abi0},
	{"runtime.morestack", abi0},
	{"runtime.morestack_noctxt", abi0},
	{"runtime.morestackc", abi0},
	{"type:runtime.moduledata", abi0},
	{symbolHash + stubName, abi0},
}

// addType exports the descriptor of a variable's type, which the linker needs to
// look at, also if no image has it. mentioned is the package that leads to it.
func (s *stub) addType(name, mentioned string) {
	mangled := mangle(name)
	if _, done := s.exports[mangled]; done || s.addNamed(mangled, mangled) {
		return
	}
	d, in, ok := s.archived(name, mentioned)
	if !ok {
		return
	}
	types := make(map[int]string, len(d.types))
	for at, target := range d.types {
		types[at] = mangle(target)
	}
	s.exports[mangled] = export{
		symbol:     symbol{kind: elf.STT_OBJECT, size: uint64(len(d.data))},
		descriptor: descriptor{data: d.data, mask: d.mask, types: types},
	}
	for _, target := range d.types {
		s.addType(target, in)
	}
}

// find returns the image that provides a symbol to what is loaded after it.
func find(images []*Image, name string) (*Image, symbol, bool) {
	for _, im := range images {
		if s, ok := im.symbols[name]; ok {
			return im, s, true
		}
	}
	return nil, symbol{}, false
}

// add exports what a reference leads to. It reports whether any image has it.
func (s *stub) add(r reference) bool {
	name := mangle(r.name)
	if r.abi == abi0 {
		if s.addNamed(name+suffixABI0, name+suffixABI0) {
			return true
		}
	}
	im, sym, ok := find(s.images, name)
	if ok && r.abi == abiInternal && sym.kind == elf.STT_FUNC && !strings.HasPrefix(name, "type:") {
		s.exports[name+suffixInternal] = export{image: im, symbol: sym}
		return true
	}
	return s.addNamed(name, name)
}

func (s *stub) addNamed(name, as string) bool {
	im, sym, ok := find(s.images, name)
	if !ok {
		return false
	}
	if _, done := s.exports[as]; done {
		return true
	}
	s.exports[as] = export{image: im, symbol: sym}
	if isType(name) && sym.kind == elf.STT_OBJECT {
		s.queue = append(s.queue, name)
	}
	return true
}

// describe reads the descriptors of the exported types, and of those that they lead to.
func (s *stub) describe() error {
	for len(s.queue) > 0 {
		name := s.queue[len(s.queue)-1]
		s.queue = s.queue[:len(s.queue)-1]
		e := s.exports[name]
		if e.image == nil {
			continue // described when it was added
		}
		var err error
		if e.descriptor, err = e.image.describe(e.symbol); err != nil {
			return err
		}
		s.exports[name] = e
		for _, target := range e.types {
			s.addNamed(target, target)
		}
	}
	return nil
}

// stubBase is where the data of the stub begins: an address that is not zero.
const stubBase = 0x1000

// bytes returns the stub as a file.
func (s *stub) bytes() ([]byte, error) {
	if err := s.describe(); err != nil {
		return nil, err
	}
	machine := s.images[0].machine
	_, absolute := relocTypes(machine)
	names := slices.Sorted(maps.Keys(s.exports))
	var text stringTable
	index := make(map[string]uint64, len(names))
	symbols := make([]byte, symbolSize, symbolSize*(len(names)+len(always)+1))
	put := func(name string, kind elf.SymType, value, size uint64) {
		index[name] = uint64(len(symbols) / symbolSize)
		symbols = append(symbols, encode(elf.Sym64{
			Name: text.add(name), Info: elf.ST_INFO(elf.STB_GLOBAL, kind), Shndx: 1, Value: value, Size: size,
		})...)
	}
	var data []byte
	type link struct {
		offset uint64
		target string
	}
	var links []link
	for _, name := range names {
		e := s.exports[name]
		if e.data == nil {
			put(name, e.kind, stubBase, e.size)
			continue
		}
		data = pad(data, 8)
		at := uint64(len(data))
		put(name, e.kind, stubBase+at, e.size)
		data = append(data, e.data...)
		if e.mask != nil {
			binary.LittleEndian.PutUint64(data[at+typeMask:], stubBase+uint64(len(data)))
			data = append(data, e.mask...)
		}
		for offset, target := range e.types {
			if _, ok := s.exports[target]; ok {
				links = append(links, link{stubBase + at + uint64(offset), target})
			}
		}
	}
	for _, r := range always {
		name, kind := r.name, elf.STT_OBJECT
		if r.abi == abiInternal {
			name, kind = name+suffixInternal, elf.STT_FUNC
		} else if strings.HasPrefix(name, "runtime.morestack") {
			kind = elf.STT_FUNC
		}
		if _, ok := index[name]; !ok {
			if _, ok := index[name+suffixABI0]; !ok {
				put(name, kind, stubBase, 8)
			}
		}
	}
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.offset, b.offset) })
	var relocs []byte
	for _, l := range links {
		relocs = append(relocs, encode(elf.Rela64{Off: l.offset, Info: index[l.target]<<32 | uint64(absolute)})...)
	}
	return writeELF(elf.ET_DYN, machine, []section{
		{name: ".data", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, addr: stubBase, align: 8,
			data: pad(data, 8)},
		{name: ".dynsym", kind: elf.SHT_DYNSYM, flags: elf.SHF_ALLOC, link: 3, info: 1, align: 8, entry: symbolSize,
			data: symbols},
		{name: ".dynstr", kind: elf.SHT_STRTAB, flags: elf.SHF_ALLOC, align: 1, data: text.bytes()},
		{name: ".rela.dyn", kind: elf.SHT_RELA, flags: elf.SHF_ALLOC, link: 2, align: 8, entry: relaSize, data: relocs},
	}), nil
}
