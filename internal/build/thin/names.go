package thin

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Suffixes by which symbols of shared libraries tell their ABI.
const (
	suffixABI0     = ".abi0"
	suffixInternal = ".abiinternal"
)

// mangle returns the name that the Go linker gives a symbol in an image that others are linked
// with: names of type descriptors are hashed (cmd/link/internal/ld.typeSymbolMangle).
func mangle(name string) string {
	rest, isType := strings.CutPrefix(name, "type:")
	at := strings.Contains(name, "@")
	switch {
	case !isType && !at, strings.HasPrefix(name, "type:runtime."), strings.HasPrefix(name, "go:string."),
		len(name) <= 14 && !at:
		return name
	case isType && strings.HasPrefix(rest, "."):
		return "type:." + shortHash(rest)
	case isType:
		return "type:" + shortHash(rest)
	}
	from, to := strings.IndexByte(name, '[')+1, strings.LastIndexByte(name, ']')
	if to < from {
		to = len(name)
	}
	return name[:from] + shortHash(name[from:to]) + name[to:]
}

func shortHash(s string) string {
	// The toolchain's hash for everything but cryptography is SHA-256 with its
	// first byte inverted (cmd/internal/hash).
	sum := sha256.Sum256([]byte(s))
	sum[0] ^= 0xff
	return base64.StdEncoding.EncodeToString(sum[:6])
}

// packageOf returns the import path in the name of a symbol, as the linker writes it (with dots of
// its last element escaped), empty if the name does not tell.
func packageOf(symbol string) string {
	name := strings.TrimLeft(strings.TrimPrefix(symbol, "type:"), "*")
	if i := strings.IndexAny(name, "[({\" "); i >= 0 {
		name = name[:i] // type arguments and receivers have paths of their own
	}
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return ""
	}
	return name[:slash+dot]
}

// SymbolPath returns an import path as it stands in names of symbols
// (cmd/internal/objabi.PathToPrefix).
func SymbolPath(path string) string {
	const hex = "0123456789abcdef"
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == '.' && i > slash || c == '%' || c == '"' || c >= 0x7f {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
