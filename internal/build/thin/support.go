package thin

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Symbols that the support object has to do with.
const (
	symbolModule  = "runtime.addmoduledata" // of go.o; see rewrite
	symbolNothing = "runtime.mapinitnoop"
	symbolLast    = "runtime.lastmoduledatap"
	symbolHash    = "go:link.abihash." // followed by the file name of the stub
)

// supportObject returns a relocatable object with what the Go linker expects a shared library with
// the runtime to have and no image can be relied on to have:
//
//   - runtime.mapinitnoop, which does nothing;
//   - the hash of the stub, which is empty;
//   - with register, code that runs when the plugin is loaded and appends its
//     module to the runtime's list of modules, as runtime.addmoduledata does.
//
// next is the offset of the field next in the runtime's moduledata.
func supportObject(machine elf.Machine, next uint64, register bool) ([]byte, error) {
	const symModule, symLast, symCode = 1, 2, 3 // numbers of symbols
	code, relocs, err := registerModule(machine, next, symModule, symLast)
	if err != nil {
		return nil, err
	}
	nothing := uint64(len(code))
	code = append(code, returnCode(machine)...)
	var text stringTable
	symbols := make([]byte, symbolSize)
	add := func(name string, bind elf.SymBind, kind elf.SymType, section uint16, value, size uint64) {
		visibility := elf.STV_HIDDEN
		if section == 0 && name == symbolLast {
			visibility = elf.STV_DEFAULT
		}
		symbols = append(symbols, encode(elf.Sym64{
			Name: text.add(name), Info: elf.ST_INFO(bind, kind), Other: byte(visibility), Shndx: section, Value: value,
			Size: size,
		})...)
	}
	bind := elf.STB_GLOBAL
	if !register {
		bind = elf.STB_WEAK // go.o has its own runtime
	}
	add(symbolModule, elf.STB_GLOBAL, elf.STT_OBJECT, 0, 0, 0)
	add(symbolLast, elf.STB_GLOBAL, elf.STT_OBJECT, 0, 0, 0)
	add("anvil.register", elf.STB_GLOBAL, elf.STT_FUNC, 1, 0, nothing)
	add(symbolNothing, bind, elf.STT_FUNC, 1, nothing, uint64(len(code))-nothing)
	add(symbolHash+stubName, elf.STB_GLOBAL, elf.STT_OBJECT, 2, 0, 16)
	_, absolute := relocTypes(machine)
	start := encode(elf.Rela64{Info: symCode<<32 | uint64(absolute)})
	entry := make([]byte, 8)
	if !register {
		relocs, start, entry = nil, nil, nil
	}
	return writeELF(elf.ET_REL, machine, []section{
		{name: ".text", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_EXECINSTR, align: 16, data: code},
		{name: ".data", kind: elf.SHT_PROGBITS, flags: elf.SHF_ALLOC | elf.SHF_WRITE, align: 8, data: make([]byte, 16)},
		{name: ".init_array", kind: elf.SHT_INIT_ARRAY, flags: elf.SHF_ALLOC | elf.SHF_WRITE, align: 8, data: entry},
		{name: ".rela.text", kind: elf.SHT_RELA, flags: elf.SHF_INFO_LINK, link: 6, info: 1, align: 8, entry: relaSize,
			data: relocs},
		{name: ".rela.init_array", kind: elf.SHT_RELA, flags: elf.SHF_INFO_LINK, link: 6, info: 3, align: 8,
			entry: relaSize, data: start},
		{name: ".symtab", kind: elf.SHT_SYMTAB, link: 7, info: 1, align: 8, entry: symbolSize, data: symbols},
		{name: ".strtab", kind: elf.SHT_STRTAB, align: 1, data: text.bytes()},
		{name: ".note.GNU-stack", kind: elf.SHT_PROGBITS, align: 1},
	}), nil
}

// registerModule returns code that appends a module to the list that lastmoduledatap ends (see
// runtime.addmoduledata). It is called by the dynamic linker, so it keeps to the rules of C.
func registerModule(machine elf.Machine, next uint64, module, last uint64) (code, relocs []byte, err error) {
	reloc := func(at, symbol uint64, kind uint32, addend int64) {
		relocs = append(relocs, encode(elf.Rela64{Off: at, Info: symbol<<32 | uint64(kind), Addend: addend})...)
	}
	switch machine {
	case elf.EM_X86_64:
		if next >= 1<<31 {
			break
		}
		code = []byte{
			0x48, 0x8d, 0x3d, 0, 0, 0, 0, // lea module(%rip),%rdi
			0x48, 0x8b, 0x05, 0, 0, 0, 0, // mov last@GOTPCREL(%rip),%rax
			0x48, 0x8b, 0x08, // mov (%rax),%rcx
			0x48, 0x89, 0xb9, 0, 0, 0, 0, // mov %rdi,next(%rcx)
			0x48, 0x89, 0x38, // mov %rdi,(%rax)
			0xc3, // ret
		}
		binary.LittleEndian.PutUint32(code[20:], uint32(next))
		reloc(3, module, uint32(elf.R_X86_64_PC32), -4)
		reloc(10, last, uint32(elf.R_X86_64_GOTPCREL), -4)
		return code, relocs, nil
	case elf.EM_AARCH64:
		if next%8 != 0 || next/8 >= 1<<12 {
			break
		}
		for _, word := range []uint32{
			0x90000000,                      // adrp x0, module
			0x91000000,                      // add x0, x0, :lo12:module
			0x90000001,                      // adrp x1, :got:last
			0xf9400021,                      // ldr x1, [x1, :got_lo12:last]
			0xf9400022,                      // ldr x2, [x1]
			0xf9000040 | uint32(next/8)<<10, // str x0, [x2, #next]
			0xf9000020,                      // str x0, [x1]
			0xd65f03c0,                      // ret
		} {
			code = binary.LittleEndian.AppendUint32(code, word)
		}
		reloc(0, module, uint32(elf.R_AARCH64_ADR_PREL_PG_HI21), 0)
		reloc(4, module, uint32(elf.R_AARCH64_ADD_ABS_LO12_NC), 0)
		reloc(8, last, uint32(elf.R_AARCH64_ADR_GOT_PAGE), 0)
		reloc(12, last, uint32(elf.R_AARCH64_LD64_GOT_LO12_NC), 0)
		return code, relocs, nil
	}
	return nil, nil, fmt.Errorf("%w: machine %s, moduledata.next at %d", errImage, machine, next)
}

// returnCode returns the instruction that returns from a function.
func returnCode(machine elf.Machine) []byte {
	if machine == elf.EM_AARCH64 {
		return []byte{0xc0, 0x03, 0x5f, 0xd6}
	}
	return []byte{0xc3}
}
