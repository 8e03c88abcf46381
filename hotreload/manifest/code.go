package manifest

// Code names one finding. Codes are stable: they are never renumbered or
// reused, and docs/codes.md documents each of them.
type Code string

// The findings, in the order of the table in docs/codes.md.
const (
	CodeSignature     Code = "ANV001" // signature of a registered route differs from the last manifest
	CodeHostChanged   Code = "ANV002" // a host package changed, the running process has the old code
	CodeRegister      Code = "ANV003" // AnvilRegisterRoutes is missing, has the wrong type, or another ABI version
	CodeRoute         Code = "ANV004" // a route that cannot be registered: duplicate, bad pattern
	CodeStateShape    Code = "ANV005" // shape of keyed Container state changed
	CodeGlobal        Code = "ANV006" // one-time global registration in hot code
	CodePackageState  Code = "ANV007" // mutable package-level state in hot code
	CodeGoroutine     Code = "ANV008" // goroutine that outlives its generation
	CodeCompile       Code = "ANV009" // the code does not compile
	CodeRegistration  Code = "ANV010" // registration panicked, hung or returned an error
	CodeHandlerPanic  Code = "ANV011" // a handler panicked while serving
	CodeLiveServer    Code = "ANV012" // the live server exited or crashed
	CodeModuleChanged Code = "ANV013" // go.mod, go.sum, go.work, toolchain, tags or flags changed
	CodeHandlerKind   Code = "ANV014" // handler of an unsupported kind
	CodeClash         Code = "ANV015" // the process made at run time what new code has, too
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

// Severity returns how a finding with this code is shown.
func (c Code) Severity() Severity {
	switch c {
	case CodeSignature, CodeHostChanged, CodeStateShape, CodeClash:
		return SeverityWarning
	case CodePackageState, CodeGoroutine:
		return SeverityHint
	case CodeModuleChanged:
		return SeverityInformation
	default:
		return SeverityError
	}
}

// Rung returns what the engine does about a finding with this code.
func (c Code) Rung() Rung {
	switch c {
	case CodeSignature, CodeHostChanged, CodeLiveServer, CodeModuleChanged, CodeClash:
		return RungWarmRestart
	case CodeStateShape, CodePackageState, CodeGoroutine:
		return RungHotSwap
	default:
		return RungKeep
	}
}
