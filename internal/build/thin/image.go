package thin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Image is an executable or a plugin that the live server has loaded: what it
// exports, and the data of its type descriptors. It keeps the file open, which
// may be removed. It is safe for concurrent use.
type Image struct {
	// Path is where the file was when it was opened.
	Path string

	file     *os.File
	machine  elf.Machine
	position bool // its addresses are relative to where it is loaded
	segments []elf.ProgHeader
	symbols  map[string]symbol
	names    []string // of dynamic symbols by index
	imports  []string // names of undefined symbols
	relocs   []rela   // by offset, those of data only
	types    func() map[uint64]string

	described sync.Map // symbol → descriptor
}

// symbol is one that an image exports.
type symbol struct {
	value, size uint64
	kind        elf.SymType
}

// rela is where the dynamic linker stores an address.
type rela struct {
	offset uint64
	symbol uint32 // index, 0 for none
	addend int64
}

var errImage = errors.New("unsuitable image")

// OpenImage reads an executable or a plugin.
func OpenImage(path string) (_ *Image, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading an image: %w", err)
	}
	im := &Image{Path: path, file: f}
	im.types = sync.OnceValue(im.typesByAddress)
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	e, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if e.Class != elf.ELFCLASS64 || e.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("%w: %s is not 64-bit little-endian ELF", errImage, path)
	}
	im.machine, im.position = e.Machine, e.Type == elf.ET_DYN
	for _, p := range e.Progs {
		if p.Type == elf.PT_LOAD {
			im.segments = append(im.segments, p.ProgHeader)
		}
	}
	if err := im.readSymbols(e); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if err := im.readRelocs(e); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return im, nil
}

// Close closes the file.
func (im *Image) Close() error { return im.file.Close() }

func (im *Image) readSymbols(e *elf.File) error {
	table := e.SectionByType(elf.SHT_DYNSYM)
	if table == nil || int(table.Link) >= len(e.Sections) {
		return fmt.Errorf("%w: it exports nothing", errImage)
	}
	data, err := table.Data()
	if err != nil {
		return err
	}
	raw, err := e.Sections[table.Link].Data()
	if err != nil {
		return err
	}
	text := string(raw)
	n := len(data) / symbolSize
	im.names = make([]string, n)
	im.symbols = make(map[string]symbol, n)
	for i := 1; i < n; i++ {
		s := data[i*symbolSize:]
		at := binary.LittleEndian.Uint32(s)
		if int(at) >= len(text) {
			return fmt.Errorf("%w: a symbol's name is out of range", errImage)
		}
		name, _, _ := strings.Cut(text[at:], "\x00")
		im.names[i] = name
		if binary.LittleEndian.Uint16(s[6:]) == uint16(elf.SHN_UNDEF) {
			im.imports = append(im.imports, name)
			continue
		}
		im.symbols[name] = symbol{kind: elf.ST_TYPE(s[4]), value: binary.LittleEndian.Uint64(s[8:]),
			size: binary.LittleEndian.Uint64(s[16:])}
	}
	return nil
}

// readRelocs reads where addresses are stored when the image is loaded.
func (im *Image) readRelocs(e *elf.File) error {
	relative, absolute := relocTypes(im.machine)
	if absolute == 0 {
		return fmt.Errorf("%w: machine %s", errImage, im.machine)
	}
	for _, s := range e.Sections {
		if s.Type != elf.SHT_RELA {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return err
		}
		im.relocs = slices.Grow(im.relocs, len(data)/relaSize)
		for ; len(data) >= relaSize; data = data[relaSize:] {
			info := binary.LittleEndian.Uint64(data[8:])
			if kind := uint32(info); kind != relative && kind != absolute {
				continue
			}
			im.relocs = append(im.relocs, rela{
				offset: binary.LittleEndian.Uint64(data), symbol: uint32(info >> 32),
				addend: int64(binary.LittleEndian.Uint64(data[16:])),
			})
		}
	}
	byOffset := func(a, b rela) int {
		switch {
		case a.offset < b.offset:
			return -1
		case a.offset > b.offset:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(im.relocs, byOffset) {
		slices.SortFunc(im.relocs, byOffset)
	}
	return nil
}

// relocTypes returns the relocations that store an address: the image's own, and that of a symbol.
func relocTypes(m elf.Machine) (relative, absolute uint32) {
	switch m {
	case elf.EM_X86_64:
		return uint32(elf.R_X86_64_RELATIVE), uint32(elf.R_X86_64_64)
	case elf.EM_AARCH64:
		return uint32(elf.R_AARCH64_RELATIVE), uint32(elf.R_AARCH64_ABS64)
	}
	return 0, 0
}

// read returns what the file holds at an address.
func (im *Image) read(addr, size uint64) ([]byte, error) {
	for _, p := range im.segments {
		if addr < p.Vaddr || addr-p.Vaddr > p.Memsz || size > p.Memsz-(addr-p.Vaddr) {
			continue
		}
		out := make([]byte, size)
		if in := addr - p.Vaddr; in < p.Filesz { // beyond are zeros
			if _, err := im.file.ReadAt(out[:min(size, p.Filesz-in)], int64(p.Off+in)); err != nil {
				return nil, fmt.Errorf("reading %s: %w", im.Path, err)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w: %s has nothing at address %#x", errImage, im.Path, addr)
}

// pointer is what an address in an image holds: an address in the same image,
// or a symbol that may be in another.
type pointer struct {
	at     uint64 // 0 if unknown
	symbol string
}

// pointers iterates over the addresses that are stored in a range.
func (im *Image) pointers(from, size uint64) func(yield func(uint64, pointer) bool) {
	return func(yield func(uint64, pointer) bool) {
		i, _ := slices.BinarySearchFunc(im.relocs, from, func(r rela, at uint64) int {
			if r.offset < at {
				return -1
			}
			return 1
		})
		for _, r := range im.relocs[i:] {
			if r.offset >= from+size {
				return
			}
			p := pointer{at: uint64(r.addend)}
			if r.symbol > 0 && int(r.symbol) < len(im.names) {
				p.symbol = im.names[r.symbol]
				p.at = 0
				if s, ok := im.symbols[p.symbol]; ok {
					p.at = s.value + uint64(r.addend)
				}
				if r.addend != 0 {
					p.symbol = ""
				}
			}
			if !yield(r.offset-from, p) {
				return
			}
		}
	}
}

// typesByAddress indexes the type descriptors that the image exports.
func (im *Image) typesByAddress() map[uint64]string {
	out := map[uint64]string{}
	for name, s := range im.symbols {
		if isType(name) {
			if old, ok := out[s.value]; !ok || name < old {
				out[s.value] = name
			}
		}
	}
	return out
}

// typeAt returns the name of the type descriptor that a pointer leads to, empty if there is none.
func (im *Image) typeAt(p pointer) string {
	if p.symbol != "" {
		if isType(p.symbol) {
			return p.symbol
		}
		return ""
	}
	return im.types()[p.at]
}

// goName returns the Go name that a type descriptor's pointer leads to: a
// byte of flags, a length, the text (internal/abi.Name).
func (im *Image) goName(at uint64) (string, error) {
	head, err := im.read(at, 3)
	if err != nil {
		return "", err
	}
	size, n := binary.Uvarint(head[1:])
	if n <= 0 || size > 1<<10 {
		return "", fmt.Errorf("%w: no name at %#x", errImage, at)
	}
	text, err := im.read(at+1+uint64(n), size)
	return string(bytes.Clone(text)), err
}

// Has reports whether the image exports a symbol, under the name that it has in images.
func (im *Image) Has(name string) bool {
	_, ok := im.symbols[name]
	return ok
}

// HasType reports whether the image exports the descriptor of a type, under the
// name that it has in compiled packages, such as type:[]int.
func (im *Image) HasType(name string) bool { return im.Has(mangle(name)) }
