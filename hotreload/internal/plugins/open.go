//go:build anvilhot

// Package plugins opens plugins, finds the register function in them, and says why one
// cannot become a generation.
package plugins

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"plugin"
	"reflect"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/clash"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/handoff"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Opener opens a plugin and returns how to look up its symbols. It runs the
// plugin's package initialisation. It is plugin.Open except in tests.
type Opener func(path string) (lookup func(symbol string) (any, error), err error)

// Open opens a plugin.
func Open(path string) (func(string) (any, error), error) {
	p, err := plugin.Open(path)
	if err != nil {
		return nil, err
	}
	return func(symbol string) (any, error) { return p.Lookup(symbol) }, nil
}

// Refusal says why a plugin cannot become a generation.
type Refusal struct {
	Outcome    control.Outcome
	Diagnostic manifest.Diagnostic
}

func (r *Refusal) Error() string { return r.Diagnostic.String() }

// Refuse returns a Refusal with one diagnostic.
func Refuse(outcome control.Outcome, code manifest.Code, at manifest.Position, format string, args ...any) *Refusal {
	return &Refusal{outcome, manifest.Diagnose(code, at, format, args...)}
}

// RegisterFrom opens a plugin and returns its register function, which has a parameter
// of type S, the *hotreload.RouteSink of this program. The error is a *Refusal.
func RegisterFrom[S any](open Opener, path string, generation int, lines manifest.Lines) (func(S), error) {
	if err := CheckComplete(path); err != nil {
		return nil, Refuse(control.OutcomeUnloadable, manifest.CodeRegistration, manifest.Position{},
			"the plugin %s cannot be loaded: %v", path, err)
	}
	lookup, err := open(path)
	if err != nil {
		return nil, RefuseOpen(path, err)
	}
	if given, ok := handoff.Receive(generation); ok {
		if err := checkVersion(given.ABI); err != nil {
			return nil, err
		}
		return registerFunc[S](given.Register, lines)
	}
	if err := checkABI(lookup); err != nil {
		return nil, err
	}
	symbol, err := lookup(manifest.RegisterName)
	if err != nil {
		return nil, Refuse(control.OutcomeRejected, manifest.CodeRegister, manifest.Position{},
			"the plugin does not export %s: the handlers package must declare func %s(r *hotreload.RouteSink)",
			manifest.RegisterName, manifest.RegisterName)
	}
	if variable, ok := symbol.(*any); ok {
		symbol = *variable
	}
	return registerFunc[S](symbol, lines)
}

func registerFunc[S any](symbol any, lines manifest.Lines) (func(S), error) {
	register, ok := symbol.(func(S))
	if !ok || register == nil {
		return nil, Refuse(control.OutcomeRejected, manifest.CodeRegister, declared(symbol, lines),
			"%s is %s, it must be func(r *hotreload.RouteSink)", manifest.RegisterName, describeSymbol(symbol))
	}
	return register, nil
}

func checkABI(lookup func(string) (any, error)) error {
	symbol, err := lookup(manifest.ABIName)
	if err != nil {
		return Refuse(control.OutcomeRejected, manifest.CodeRegister, manifest.Position{},
			"the plugin does not export %s: its package main must declare var %s int = hotreload.ABIVersion",
			manifest.ABIName, manifest.ABIName)
	}
	version, ok := symbol.(*int)
	if !ok {
		return Refuse(control.OutcomeRejected, manifest.CodeRegister, manifest.Position{},
			"%s is %s, it must be a variable of type int", manifest.ABIName, describeSymbol(symbol))
	}
	return checkVersion(*version)
}

func checkVersion(version int) error {
	if version != manifest.ABIVersion {
		return Refuse(control.OutcomeRejected, manifest.CodeRegister, manifest.Position{},
			"the plugin is built for ABI version %d, the live server has %d: "+
				"build both with the same version of anvil-lsp", version, manifest.ABIVersion)
	}
	return nil
}

// declared returns where a function is declared, if the symbol is one.
func declared(symbol any, lines manifest.Lines) manifest.Position {
	if v := reflect.ValueOf(symbol); v.IsValid() && v.Kind() == reflect.Func && !v.IsNil() {
		return stack.FunctionPosition(v, lines)
	}
	return manifest.Position{}
}

func describeSymbol(value any) string {
	t := reflect.TypeOf(value)
	switch {
	case t == nil:
		return "nil"
	case t.Kind() == reflect.Pointer: // how a variable is looked up
		return "a variable of type " + symbol.NameOf(t.Elem())
	}
	return symbol.NameOf(t)
}

// RefuseOpen explains an error of an opener.
func RefuseOpen(path string, err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	text := symbol.StripGeneration(err.Error())
	_, pkg, mismatch := strings.Cut(text, "different version of package ")
	switch {
	case mismatch:
		pkg, _, _ = strings.Cut(pkg, " ")
		return Refuse(control.OutcomeMismatch, manifest.CodeHostChanged, manifest.Position{},
			"the live server runs another version of package %s than the plugin is built with: it needs a restart", pkg)
	case strings.Contains(text, "already loaded"):
		return Refuse(control.OutcomeRejected, manifest.CodeRegistration, manifest.Position{},
			"the plugin %s holds code that is loaded already: each generation needs import paths of its own "+
				"(go build gives them to a package main that is named by its files, not by its directory)", path)
	}
	return Refuse(control.OutcomeUnloadable, manifest.CodeRegistration, manifest.Position{},
		"the plugin %s cannot be loaded: %s", path, text)
}

// RefuseClashes refuses a plugin that goes together only with a process which
// has its code from the beginning.
func RefuseClashes(found []clash.Clash) *Refusal {
	const shown = 3
	var names []string
	for _, c := range found {
		names = append(names, c.String())
	}
	list := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	r := Refuse(control.OutcomeMismatch, manifest.CodeClash, manifest.Position{},
		"%s: made by the running process before code came that has it, too; "+
			"type switches, assertions and == would go wrong in the new code, so it needs a restart", list)
	r.Diagnostic.Detail = strings.Join(names, "\n")
	return r
}

// CheckComplete reports a plugin that is missing or cut off. Mapping a part of a
// file that is not there kills the process, so this must not be left to the
// loader.
func CheckComplete(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err != nil {
		return fmt.Errorf("the file has %d bytes", info.Size())
	}
	if string(magic[:]) != elf.ELFMAG {
		return nil // Mach-O is checked by its loader, anything else is refused by it
	}
	image, err := elf.NewFile(f) // fails without the section table, which is the end of the file
	if err != nil {
		return fmt.Errorf("the file is damaged or not complete: %w", err)
	}
	for _, p := range image.Progs {
		if p.Off+p.Filesz > uint64(info.Size()) {
			return errors.New("the file is not complete")
		}
	}
	return nil
}

// Explain says what an error of RegisterFrom comes to.
func Explain(err error) (control.Outcome, []manifest.Diagnostic) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Outcome, []manifest.Diagnostic{r.Diagnostic}
	}
	d := manifest.Diagnose(manifest.CodeRegistration, manifest.Position{}, "%v", err)
	return control.OutcomeRejected, []manifest.Diagnostic{d}
}

// SameFile reports whether two paths lead to one file.
func SameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
