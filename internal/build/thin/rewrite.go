package thin

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

var errObjectFile = errors.New("unexpected object file of the Go linker")

// rewritten is what rewrite found.
type rewritten struct {
	// undefined are the names of the symbols that the object leaves undefined.
	undefined []string
	// defined are those of the symbols that it defines.
	defined []string
	// register tells that the support object has to register the module.
	register bool
}

// rewrite mends the relocatable object that the Go linker wrote, in place, so
// that it can be linked with what is loaded instead of with the stub:
//
//   - The suffix that told the linker the ABI of a function is cut off: the
//     images export the plain name.
//   - Symbols get the visibility that is asked for. The hashes of packages must be
//     hidden: the runtime compares those that the linker knew with those that are
//     loaded, and the linker knew none; whoever links thin keeps a better record
//     of what is loaded.
//   - The module would register itself with a runtime.addmoduledata of its own,
//     which is empty because the runtime is not part of the link. That call is
//     taken out, and the symbol comes to mean the module's data, which the
//     support object registers.
func rewrite(object []byte, visibility func(name string) elf.SymVis) (*rewritten, error) {
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errObjectFile, err)
	}
	if f.Type != elf.ET_REL || f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("%w: %s, %s", errObjectFile, f.Type, f.Class)
	}
	r := &rewriter{file: f, object: object, at: map[string]int{}}
	if err := r.readSymbols(); err != nil {
		return nil, err
	}
	out := &rewritten{}
	for i := 1; i < len(r.symbols)/symbolSize; i++ {
		name, err := r.plainName(i)
		if err != nil {
			return nil, err
		}
		undefined := r.section(i) == uint16(elf.SHN_UNDEF)
		switch {
		case name == "":
		case undefined:
			out.undefined = append(out.undefined, name)
		default:
			r.at[name] = i
			out.defined = append(out.defined, name)
			if s := r.symbol(i); elf.ST_BIND(s[4]) != elf.STB_LOCAL {
				s[5] = byte(visibility(name))
			}
		}
	}
	if i, ok := r.at[symbolModule]; ok && r.size(i) == 0 {
		out.register = true
		return out, r.receiveModule(i)
	}
	return out, nil
}

// rewriter is an object that is being mended.
type rewriter struct {
	file          *elf.File
	object        []byte
	symbols, text []byte         // parts of object
	at            map[string]int // numbers of defined symbols
}

func (r *rewriter) readSymbols() (err error) {
	table := r.file.SectionByType(elf.SHT_SYMTAB)
	if table == nil || int(table.Link) >= len(r.file.Sections) {
		return fmt.Errorf("%w: no symbols", errObjectFile)
	}
	if r.symbols, err = r.content(table); err != nil {
		return err
	}
	r.text, err = r.content(r.file.Sections[table.Link])
	return err
}

// content returns the bytes of a section as a part of the object.
func (r *rewriter) content(s *elf.Section) ([]byte, error) {
	if s.Offset > uint64(len(r.object)) || s.FileSize > uint64(len(r.object))-s.Offset {
		return nil, fmt.Errorf("%w: section %s is out of range", errObjectFile, s.Name)
	}
	return r.object[s.Offset : s.Offset+s.FileSize], nil
}

func (r *rewriter) symbol(i int) []byte  { return r.symbols[i*symbolSize : (i+1)*symbolSize] }
func (r *rewriter) section(i int) uint16 { return binary.LittleEndian.Uint16(r.symbol(i)[6:]) }
func (r *rewriter) value(i int) uint64   { return binary.LittleEndian.Uint64(r.symbol(i)[8:]) }
func (r *rewriter) size(i int) uint64    { return binary.LittleEndian.Uint64(r.symbol(i)[16:]) }

// plainName returns the name of a symbol, and cuts the suffix off.
func (r *rewriter) plainName(i int) (string, error) {
	at := int(binary.LittleEndian.Uint32(r.symbol(i)))
	if at >= len(r.text) {
		return "", fmt.Errorf("%w: a symbol's name is out of range", errObjectFile)
	}
	raw, _, ok := bytes.Cut(r.text[at:], []byte{0})
	if !ok {
		return "", fmt.Errorf("%w: a symbol's name has no end", errObjectFile)
	}
	name, cut := strings.CutSuffix(string(raw), suffixInternal)
	if cut {
		r.text[at+len(name)] = 0
	}
	return name, nil
}

// receiveModule makes the symbol of runtime.addmoduledata mean the module's data.
func (r *rewriter) receiveModule(module int) error {
	text, okText := r.at["runtime.text"]
	data, okData := r.at["local.moduledata"]
	start, okStart := r.at["go:link.addmoduledata"]
	if !okText || !okData || !okStart || r.section(text) != r.section(module) || r.section(start) != r.section(text) {
		return fmt.Errorf("%w: it does not register its module as known", errObjectFile)
	}
	code, err := r.content(r.file.Sections[r.section(start)])
	if err != nil {
		return err
	}
	// The function loads the address of the module's data, then calls.
	call, ret := uint64(7), returnCode(r.file.Machine)
	if r.file.Machine == elf.EM_AARCH64 {
		call = 8
	}
	call += r.value(start)
	if call+uint64(len(ret)) > uint64(len(code)) {
		return fmt.Errorf("%w: the code that registers its module is out of range", errObjectFile)
	}
	copy(code[call:], ret)
	// The empty function is also where the module's code begins.
	moved := r.value(module) - r.value(text)
	for _, s := range r.file.Sections {
		if s.Type != elf.SHT_RELA {
			continue
		}
		relocs, err := r.content(s)
		if err != nil {
			return err
		}
		for ; len(relocs) >= relaSize; relocs = relocs[relaSize:] {
			at, addend := binary.LittleEndian.Uint64(relocs), binary.LittleEndian.Uint64(relocs[16:])
			switch {
			case s.Info == uint32(r.section(start)) && at >= call && at < call+8:
				binary.LittleEndian.PutUint64(relocs[8:], 0) // relocation type 0: none
			case binary.LittleEndian.Uint32(relocs[12:]) == uint32(module):
				binary.LittleEndian.PutUint32(relocs[12:], uint32(text))
				binary.LittleEndian.PutUint64(relocs[16:], addend+moved)
			}
		}
	}
	s := r.symbol(module)
	s[4], s[5] = elf.ST_INFO(elf.STB_GLOBAL, elf.STT_OBJECT), byte(elf.STV_HIDDEN)
	copy(s[6:], r.symbol(data)[6:]) // section, value, size
	return nil
}
