package thin

import (
	"encoding/binary"
	"fmt"
)

// Code calls f with the name of each function whose code is in the content of an
// archive, in the objects' order: of those that it defines, of generic ones as well,
// and of those that were inlined. It ends when f returns false.
func Code(archive string, data []byte, f func(name string) bool) error {
	objects, err := parseObjects(archive, data)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if more, err := o.code(f); err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		} else if !more {
			break
		}
	}
	return nil
}

// What is told about a function (cmd/internal/goobj.FuncInfo): where the number of
// its files is, and the records of calls that were inlined, which come behind them.
const (
	infoFiles     = 16
	inlinedRecord = 4 + 4 + 4 + 8 + 4
	inlinedFunc   = 4 + 4 + 4
)

func (o *object) code(f func(name string) bool) (more bool, err error) {
	for i := range o.defined() {
		for aux := o.indexed(i, blockAuxIndex, blockAux, auxRecord); len(aux) >= auxRecord; aux = aux[auxRecord:] {
			if aux[0] != auxFuncInfo {
				continue
			}
			if !f(o.name(i)) {
				return false, nil
			}
			inlined, ok := o.inlined(o.resolve(aux[1:]))
			if !ok {
				return false, fmt.Errorf("%w: what is told about %s", errObject, o.name(i))
			}
			for ; len(inlined) >= inlinedRecord; inlined = inlined[inlinedRecord:] {
				at := inlined[inlinedFunc:]
				if binary.LittleEndian.Uint32(at) == inBuiltin {
					continue // of package runtime
				}
				name := o.name(o.resolve(at))
				if name == "" {
					return false, fmt.Errorf("%w: a function that was inlined into %s", errObject, o.name(i))
				}
				if !f(name) {
					return false, nil
				}
			}
		}
	}
	return true, nil
}

// inlined returns the records of the calls that were inlined into a function, by
// the number of the symbol that tells about it.
func (o *object) inlined(info int) ([]byte, bool) {
	if info < 0 || info >= o.defined() {
		return nil, false
	}
	records := o.indexed(info, blockDataIndex, blockData, 1)
	for _, record := range []int{4, inlinedRecord} { // files, then calls
		at := 0
		if record == 4 {
			at = infoFiles
		}
		if len(records) < at+4 {
			return nil, false
		}
		n := int(binary.LittleEndian.Uint32(records[at:]))
		records = records[at+4:]
		if len(records)/record < n {
			return nil, false
		}
		if record == inlinedRecord {
			return records[:n*record], true
		}
		records = records[n*record:]
	}
	return nil, false
}
