package gocmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Env holds what `go env` says about the toolchain.
type Env struct {
	GOROOT, GOVERSION, GOOS, GOARCH, GOTOOLDIR, GOEXPERIMENT string
	GOWORK, GOMOD, GOFLAGS, GOMODCACHE                       string
	CGO_ENABLED, CC, CXX                                     string

	all map[string]string
}

// ReadEnv asks the go command for its environment, or for some variables.
func (t *Toolchain) ReadEnv(ctx context.Context, names ...string) (e Env, err error) {
	out, err := t.Output(ctx, t.Dir, t.Go, slices.Concat([]string{"env", "-json"}, names)...)
	if err == nil {
		err = errors.Join(json.Unmarshal(out, &e.all), json.Unmarshal(out, &e))
	}
	if err != nil {
		return e, fmt.Errorf("go env: %w", err)
	}
	return e, nil
}

// tags returns the build tags of GOFLAGS. The last -tags counts, as everywhere.
func (e *Env) tags() []string {
	// Spaces are what separated them once, and is still allowed.
	return strings.FieldsFunc(e.lastFlag("tags"), func(r rune) bool { return r == ',' || r == ' ' })
}

// race reports whether GOFLAGS turns the race detector on.
func (e *Env) race() bool {
	on := false
	for _, v := range e.goFlag("race") {
		if set, err := strconv.ParseBool(cmp.Or(v, "true")); err == nil {
			on = set
		}
	}
	return on
}

// lastFlag returns the last value that GOFLAGS gives a flag: it is the one that counts.
func (e *Env) lastFlag(name string) string {
	if values := e.goFlag(name); len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// goFlag returns the values that GOFLAGS gives a flag, in that order.
func (e *Env) goFlag(name string) []string {
	var values []string
	for _, f := range SplitQuoted(e.GOFLAGS) {
		flag, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-"), "=")
		if flag == name {
			values = append(values, value)
		}
	}
	return values
}

// SplitQuoted splits a value as the go command does (cmd/internal/quoted.Split): at
// white space, and a word may be quoted as a whole. A quote that is not closed
// goes on to the end; the go command refuses it.
func SplitQuoted(s string) []string {
	const space = " \t\n\r"
	var words []string
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		var word string
		if quote := s[0]; quote == '"' || quote == '\'' {
			word, s, _ = strings.Cut(s[1:], string(quote))
		} else {
			end := strings.IndexAny(s, space)
			if end < 0 {
				end = len(s)
			}
			word, s = s[:end], s[end:]
		}
		words = append(words, word)
	}
	return words
}

// carried are the flags of GOFLAGS that hold for the live server, too, or that do
// not concern what is compiled.
var carried = []string{"tags", "race", "mod", "modfile", "modcacherw", "C", "n", "v", "x", "p", "a", "work", "json"}

// Unheeded returns the flags of GOFLAGS that the live server is built without, as
// they are written, in that order.
func (t *Toolchain) Unheeded() []string {
	var out []string
	for _, f := range SplitQuoted(t.Env.GOFLAGS) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		switch {
		case slices.Contains(carried, name), value == "false", name == "pgo" && (value == "off" || value == "auto"),
			name == "buildvcs" && value == "auto":
		case name == "ldflags":
			for _, word := range linkerWords(value) {
				if !strings.HasPrefix(word, "-X=") && word != "-s" && word != "-w" { // those it is linked with anyway
					out = append(out, "-ldflags="+word)
				}
			}
		default:
			out = append(out, f)
		}
	}
	return out
}

// Variable is a value that the linker gives a string variable (-X).
type Variable struct{ Pkg, Name, Value string }

// Variables returns what the linker flags of GOFLAGS set. The last -ldflags counts, as everywhere.
func (e *Env) Variables() []Variable {
	var out []Variable
	for _, word := range linkerWords(e.lastFlag("ldflags")) {
		definition, ok := strings.CutPrefix(word, "-X=")
		symbol, value, assigned := strings.Cut(definition, "=")
		dot := strings.LastIndexByte(symbol, '.')
		if ok && assigned && dot > 0 {
			out = append(out, Variable{symbol[:dot], symbol[dot+1:], value})
		}
	}
	return out
}

// linkerWords returns the flags in a value of -ldflags, each as one word. A
// pattern of packages may stand before them: main is meant in any case.
func linkerWords(value string) []string {
	if pattern, rest, ok := strings.Cut(value, "="); ok && !strings.HasPrefix(value, "-") &&
		!strings.ContainsAny(pattern, "'\" ") {
		value = rest
	}
	var out []string
	for words := SplitQuoted(value); len(words) > 0; words = words[1:] {
		word := words[0]
		if strings.HasPrefix(word, "--") {
			word = word[1:]
		}
		if word == "-X" && len(words) > 1 {
			words = words[1:]
			word += "=" + words[0]
		}
		out = append(out, word)
	}
	return out
}
