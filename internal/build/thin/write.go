package thin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// The sizes of the records of 64-bit ELF.
const (
	headerSize  = 64
	sectionSize = 64
	symbolSize  = 24
	relaSize    = 24
)

// section is a section of an ELF file to be written.
type section struct {
	name       string
	kind       elf.SectionType
	flags      elf.SectionFlag
	addr       uint64
	link, info uint32
	align      uint64
	entry      uint64 // size of the records in it, if it has such
	data       []byte
}

// writeELF returns a 64-bit little-endian ELF file of sections, which are
// numbered from 1. It has no program headers: it is for linkers.
func writeELF(kind elf.Type, machine elf.Machine, sections []section) []byte {
	names := stringTable{}
	all := append([]section{{}}, sections...)
	all = append(all, section{name: ".shstrtab", kind: elf.SHT_STRTAB, align: 1})
	offsets := make([]uint32, len(all))
	for i, s := range all {
		offsets[i] = names.add(s.name)
	}
	all[len(all)-1].data = names.bytes()

	out := make([]byte, headerSize)
	headers := make([]elf.Section64, len(all))
	for i, s := range all[1:] {
		out = pad(out, s.align)
		headers[i+1] = elf.Section64{
			Name: offsets[i+1], Type: uint32(s.kind), Flags: uint64(s.flags), Addr: s.addr, Off: uint64(len(out)),
			Size: uint64(len(s.data)), Link: s.link, Info: s.info, Addralign: max(s.align, 1), Entsize: s.entry,
		}
		out = append(out, s.data...)
	}
	out = pad(out, 8)
	head := elf.Header64{
		Type: uint16(kind), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Shoff: uint64(len(out)),
		Ehsize: headerSize, Shentsize: sectionSize, Shnum: uint16(len(all)), Shstrndx: uint16(len(all) - 1),
	}
	copy(head.Ident[:], elf.ELFMAG)
	head.Ident[elf.EI_CLASS], head.Ident[elf.EI_DATA], head.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64),
		byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	copy(out, encode(head))
	return append(out, encode(headers)...)
}

// pad lengthens data to a multiple of align.
func pad(data []byte, align uint64) []byte {
	if align > 1 {
		if over := uint64(len(data)) % align; over > 0 {
			data = append(data, make([]byte, align-over)...)
		}
	}
	return data
}

// encode returns fixed-size values as they stand in a file.
func encode(v any) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(err) // only structs of debug/elf are passed
	}
	return b.Bytes()
}

// stringTable gathers the content of a string section. Its zero value is empty.
type stringTable struct {
	data []byte
}

// add returns the offset of a string.
func (t *stringTable) add(s string) uint32 {
	if len(t.data) == 0 {
		t.data = append(t.data, 0)
	}
	if s == "" {
		return 0
	}
	at := uint32(len(t.data))
	t.data = append(append(t.data, s...), 0)
	return at
}

func (t *stringTable) bytes() []byte {
	if len(t.data) == 0 {
		return []byte{0}
	}
	return t.data
}
