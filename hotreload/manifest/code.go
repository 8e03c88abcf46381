package manifest

import (
	"slices"
	"strings"
)

// Code names one finding. Codes are stable: they are never renumbered or
// reused, and docs/codes.md documents each of them.
type Code string

// The findings. [Codes] tells what each of them is.
const (
	CodeSignature     Code = "ANV001"
	CodeHostChanged   Code = "ANV002"
	CodeRegister      Code = "ANV003"
	CodeRoute         Code = "ANV004"
	CodeStateShape    Code = "ANV005"
	CodeGlobal        Code = "ANV006"
	CodePackageState  Code = "ANV007"
	CodeGoroutine     Code = "ANV008"
	CodeCompile       Code = "ANV009"
	CodeRegistration  Code = "ANV010"
	CodeHandlerPanic  Code = "ANV011"
	CodeLiveServer    Code = "ANV012"
	CodeModuleChanged Code = "ANV013"
	CodeHandlerKind   Code = "ANV014"
	CodeClash         Code = "ANV015"
)

// Severity is how a finding is shown; the names are LSP's.
type Severity string

// Severities, most severe first.
const (
	SeverityError       Severity = "error"
	SeverityWarning     Severity = "warning"
	SeverityInformation Severity = "information"
	SeverityHint        Severity = "hint"
)

// Rung is a step of the ladder: what is done about an edit, cheapest first.
type Rung string

// The ladder.
const (
	RungHotSwap     Rung = "hot-swap"     // new generation loaded into the running process
	RungWarmRestart Rung = "warm-restart" // new process on the same listening socket
	RungKeep        Rung = "keep"         // the last good generation stays
)

// CodeInfo is what is known about a code.
type CodeInfo struct {
	Code     Code
	Title    string // what it means, in a few words
	Severity Severity
	Rung     Rung // what the engine does
}

// Codes returns all codes in order.
func Codes() []CodeInfo {
	return []CodeInfo{
		{CodeSignature, "signature of a registered route changed", SeverityWarning, RungWarmRestart},
		{CodeHostChanged, "a host package changed", SeverityWarning, RungWarmRestart},
		{CodeRegister, "AnvilRegisterRoutes is missing, has the wrong type, or another ABI version", SeverityError, RungKeep},
		{CodeRoute, "a route cannot be registered", SeverityError, RungKeep},
		{CodeStateShape, "shape of kept state changed", SeverityWarning, RungHotSwap},
		{CodeGlobal, "one-time global registration in hot code", SeverityError, RungKeep},
		{CodePackageState, "package-level state in hot code", SeverityHint, RungHotSwap},
		{CodeGoroutine, "goroutine that outlives its generation", SeverityHint, RungHotSwap},
		{CodeCompile, "the code does not compile", SeverityError, RungKeep},
		{CodeRegistration, "registration panicked, hung or failed", SeverityError, RungKeep},
		{CodeHandlerPanic, "a handler panicked", SeverityError, RungKeep},
		{CodeLiveServer, "the live server ended by itself", SeverityError, RungWarmRestart},
		{CodeModuleChanged, "modules, toolchain or flags changed", SeverityInformation, RungWarmRestart},
		{CodeHandlerKind, "handler of an unsupported kind", SeverityError, RungKeep},
		{CodeClash, "the running process made what new code has, too", SeverityWarning, RungWarmRestart},
	}
}

// info returns what is known about a code; one that is not known is an error.
func (c Code) info() CodeInfo {
	all := Codes()
	if i := slices.IndexFunc(all, func(i CodeInfo) bool { return i.Code == c }); i >= 0 {
		return all[i]
	}
	return CodeInfo{Code: c, Severity: SeverityError, Rung: RungKeep}
}

// Severity returns how a finding with this code is shown.
func (c Code) Severity() Severity { return c.info().Severity }

// Rung returns what the engine does about a finding with this code.
func (c Code) Rung() Rung { return c.info().Rung }

// URL returns where a code is documented.
func (c Code) URL() string {
	return "https://github.com/anvilforge/anvil-lsp/blob/main/docs/codes.md#" + strings.ToLower(string(c))
}
