package thin

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path/filepath"
)

// withoutC returns an archive without what a C compiler made.
func withoutC(data []byte) []byte {
	out := []byte(archiveMagic)
	at := len(archiveMagic)
	for name, member := range members(data) {
		end := at + archiveHeader + len(member) + len(member)&1
		if name == "__.PKGDEF" || bytes.HasPrefix(member, []byte("go object ")) {
			out = append(out, data[at:min(end, len(data))]...)
		}
		at = end
	}
	return out
}

// hostObjects returns the objects of C compilers that the Go linker found in the
// archives, and would have handed to one, with the symbols that they define.
func hostObjects(dir string) (files []string, defined map[string]bool, err error) {
	if files, err = filepath.Glob(filepath.Join(dir, "[0-9][0-9][0-9][0-9][0-9][0-9].o")); err != nil {
		return nil, nil, err
	}
	defined = map[string]bool{}
	for _, file := range files {
		f, err := elf.Open(file)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errObjectFile, err)
		}
		symbols, err := f.Symbols()
		_ = f.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %s: %w", errObjectFile, filepath.Base(file), err)
		}
		for _, s := range symbols {
			if s.Section != elf.SHN_UNDEF && elf.ST_BIND(s.Info) != elf.STB_LOCAL {
				defined[s.Name] = true
			}
		}
	}
	return files, defined, nil
}
