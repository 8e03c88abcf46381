package engine

import (
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

func diagnostics(codes ...manifest.Code) []manifest.Diagnostic {
	var ds []manifest.Diagnostic
	for i, c := range codes {
		ds = append(ds, finding(c, "/app/a.go", i+1, string(c)))
	}
	return ds
}

func codesOf(ds []manifest.Diagnostic) []manifest.Code {
	var out []manifest.Code
	for _, d := range ds {
		out = append(out, d.Code)
	}
	slices.Sort(out)
	return out
}

func TestNewPrediction(t *testing.T) {
	type list = []manifest.Code
	tests := map[string]struct {
		findings, reasons list
		rung              manifest.Rung
		restart           list // what needs one
		codes             list // what decides
	}{
		"nothing": {rung: manifest.RungHotSwap},
		"hints": {
			findings: list{manifest.CodePackageState, manifest.CodeGoroutine, manifest.CodeStateShape}, rung: manifest.RungHotSwap,
		},
		"host package": {
			reasons: list{manifest.CodeHostChanged}, rung: manifest.RungWarmRestart,
			restart: list{manifest.CodeHostChanged}, codes: list{manifest.CodeHostChanged},
		},
		"two host packages and a module": {
			reasons: list{manifest.CodeHostChanged, manifest.CodeModuleChanged, manifest.CodeHostChanged}, findings: list{manifest.CodePackageState},
			rung:    manifest.RungWarmRestart,
			restart: list{manifest.CodeHostChanged, manifest.CodeHostChanged, manifest.CodeModuleChanged},
			codes:   list{manifest.CodeHostChanged, manifest.CodeModuleChanged},
		},
		"compile error": {findings: list{manifest.CodeCompile}, rung: manifest.RungKeep, codes: list{manifest.CodeCompile}},
		"compile error and a host package": {
			findings: list{manifest.CodeCompile}, reasons: list{manifest.CodeHostChanged}, rung: manifest.RungKeep,
			restart: list{manifest.CodeHostChanged}, codes: list{manifest.CodeHostChanged, manifest.CodeCompile},
		},
		"one-time registration": {findings: list{manifest.CodeGlobal}, rung: manifest.RungKeep, codes: list{manifest.CodeGlobal}},
		"one-time registration in a new process": {
			findings: list{manifest.CodeGlobal}, reasons: list{manifest.CodeHostChanged}, rung: manifest.RungWarmRestart,
			restart: list{manifest.CodeHostChanged}, codes: list{manifest.CodeHostChanged, manifest.CodeGlobal},
		},
		"bad route in a new process": {
			findings: list{manifest.CodeRoute, manifest.CodeGlobal}, reasons: list{manifest.CodeHostChanged}, rung: manifest.RungKeep,
			restart: list{manifest.CodeHostChanged}, codes: list{manifest.CodeHostChanged, manifest.CodeRoute, manifest.CodeGlobal},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := newPrediction(&source.Report{Findings: diagnostics(tt.findings...)}, nil, nil, diagnostics(tt.reasons...))
			if v.rung != tt.rung {
				t.Errorf("rung %q, want %q", v.rung, tt.rung)
			}
			all := slices.Concat(tt.findings, tt.reasons)
			slices.Sort(all)
			if got := codesOf(v.diagnostics); !slices.Equal(got, all) {
				t.Errorf("diagnostics %v, want %v", got, all)
			}
			sorted := slices.Clone(v.diagnostics)
			manifest.SortDiagnostics(sorted)
			if !slices.EqualFunc(v.diagnostics, sorted, equal) {
				t.Errorf("not sorted: %v", v.diagnostics)
			}
			if got := codesOf(v.restart()); !slices.Equal(got, tt.restart) {
				t.Errorf("restart because of %v, want %v", got, tt.restart)
			}
			if got := v.codes(); !slices.Equal(got, tt.codes) {
				t.Errorf("codes %v, want %v", got, tt.codes)
			}
		})
	}
}

// TestSwapOfBreaks: what the policy lets be swapped in is a changed signature that
// nothing else stands beside which calls for a restart, or for a new process.
func TestSwapOfBreaks(t *testing.T) {
	type list = []manifest.Code
	signature := manifest.CodeSignature
	for name, tt := range map[string]struct {
		findings list
		swapped  manifest.Rung
		codes    list // that decide then
	}{
		"signature":                {list{signature}, manifest.RungHotSwap, nil},
		"signatures and state":     {list{signature, manifest.CodeStateShape, signature}, manifest.RungHotSwap, nil},
		"host package":             {list{manifest.CodeHostChanged}, manifest.RungWarmRestart, list{manifest.CodeHostChanged}},
		"signature, host package":  {list{manifest.CodeHostChanged, signature}, manifest.RungWarmRestart, list{signature, manifest.CodeHostChanged}},
		"signature, modules":       {list{signature, manifest.CodeModuleChanged}, manifest.RungWarmRestart, list{signature, manifest.CodeModuleChanged}},
		"signature, once only":     {list{signature, manifest.CodeGlobal}, manifest.RungWarmRestart, list{signature, manifest.CodeGlobal}},
		"signature, compile error": {list{signature, manifest.CodeCompile}, manifest.RungKeep, list{signature, manifest.CodeCompile}},
		"nothing":                  {nil, manifest.RungHotSwap, nil},
	} {
		t.Run(name, func(t *testing.T) {
			was := newPrediction(&source.Report{Findings: diagnostics(tt.findings...)}, nil, nil, nil)
			asks := func(policy BreakPolicy) *Options {
				return &Options{OnBreak: BreakKeep, Decide: func([]manifest.Diagnostic) BreakPolicy { return policy }}
			}
			for _, o := range []*Options{{}, {OnBreak: BreakAsk}, {OnBreak: BreakKeep}, asks(BreakRestart), asks(BreakAsk)} {
				if v := was.under(o); v.rung != was.rung {
					t.Errorf("%+v: rung %q, without a policy %q", o, v.rung, was.rung)
				}
			}
			for _, o := range []*Options{{OnBreak: BreakSwap}, asks(BreakSwap)} {
				v := was.under(o)
				if v.rung != tt.swapped || !slices.Equal(v.codes(), tt.codes) {
					t.Errorf("%+v: rung %q, decided by %v; want %q, %v", o, v.rung, v.codes(), tt.swapped, tt.codes)
				}
				if !slices.EqualFunc(v.diagnostics, was.diagnostics, equal) {
					t.Errorf("told are %v, not %v", v.diagnostics, was.diagnostics)
				}
			}
		})
	}
}

// TestOnlyEffective: what registers something once more counts where that happens
// in this hot swap.
func TestOnlyEffective(t *testing.T) {
	for _, tt := range []struct {
		severity    manifest.Severity
		registering bool
		rebuilt     []string
		want        manifest.Severity
		codes       int
	}{
		{manifest.SeverityError, false, []string{"example.com/a"}, manifest.SeverityError, 1},
		{manifest.SeverityError, false, []string{"example.com/b"}, manifest.SeverityWarning, 0},
		{manifest.SeverityError, true, []string{"example.com/b"}, manifest.SeverityError, 1},
		{manifest.SeverityWarning, false, []string{"example.com/a"}, manifest.SeverityWarning, 0},
		{manifest.SeverityWarning, false, []string{"example.com/b"}, manifest.SeverityHint, 0},
		{manifest.SeverityWarning, true, []string{"example.com/b"}, manifest.SeverityWarning, 0},
		{manifest.SeverityHint, false, []string{"example.com/b"}, manifest.SeverityHint, 0},
	} {
		d := finding(manifest.CodeGlobal, "/app/a.go", 1, "again")
		d.Severity = tt.severity
		report := &source.Report{
			Findings: []manifest.Diagnostic{d},
			OneTime:  []source.OneTime{{Diagnostic: d, Registering: tt.registering, Packages: []string{"example.com/a"}}},
		}
		onlyEffective(report, tt.rebuilt)
		if got := report.Findings[0].Severity; got != tt.want || len(newPrediction(report, nil, nil, nil).codes()) != tt.codes {
			t.Errorf("%+v: got %s, deciding %v", tt, got, newPrediction(report, nil, nil, nil).codes())
		}
	}
}

func route(method, pattern, fingerprint string) manifest.Route {
	return manifest.Route{Method: method, Pattern: pattern, Fingerprint: fingerprint, Signature: fingerprint}
}

// TestTelling: what no source can tell is no wrong prediction.
func TestTelling(t *testing.T) {
	kept := func(codes ...manifest.Code) outcome {
		return outcome{event: control.Event{Kind: control.EventKept, Diagnostics: diagnostics(codes...)}}
	}
	tests := map[string]struct {
		out  outcome
		want bool
	}{
		"live":                     {outcome{event: control.Event{Kind: control.EventLive}}, true},
		"unchanged":                {outcome{event: control.Event{Kind: control.EventUnchanged}}, true},
		"held back":                {outcome{needsDecision: true, event: control.Event{Kind: control.EventKept}}, true},
		"compile error":            {kept(manifest.CodeCompile), true},
		"bad route and a panic":    {kept(manifest.CodeRegistration, manifest.CodeRoute), true},
		"panic while registering":  {kept(manifest.CodeRegistration), false},
		"crash":                    {kept(manifest.CodeLiveServer), false},
		"the machine, for example": {kept(), false},
		"what the process had made": {outcome{event: control.Event{
			Kind: control.EventLive, Rung: manifest.RungWarmRestart, Diagnostics: diagnostics(manifest.CodeClash),
		}}, false},
		"that, held back": {outcome{needsDecision: true, event: control.Event{Kind: control.EventAsking, Diagnostics: diagnostics(manifest.CodeClash)}}, false},
	}
	for name, tt := range tests {
		if got := telling(tt.out); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

// TestNewPredictionComparesWithWhatIsLive: a signature that differs needs a restart.
func TestNewPredictionComparesWithWhatIsLive(t *testing.T) {
	live := &manifest.Manifest{Routes: []manifest.Route{route("GET", "/", "a")}}
	for fingerprint, want := range map[string]manifest.Rung{"a": manifest.RungHotSwap, "b": manifest.RungWarmRestart} {
		report := &source.Report{Complete: true, Routes: []source.Route{{Route: route("GET", "/", fingerprint)}}}
		if v := newPrediction(report, live, nil, nil); v.rung != want {
			t.Errorf("fingerprint %s: rung %q for %v, want %q", fingerprint, v.rung, v.diagnostics, want)
		}
	}
}

func TestSignatureBreaks(t *testing.T) {
	was := &manifest.Manifest{Routes: []manifest.Route{route("GET", "/", "a"), route("POST", "/", "b"), route("GET", "/x", "c")}}
	tests := map[string]struct {
		was, now *manifest.Manifest
		want     bool
	}{
		"none before":    {now: was},
		"none now":       {was: was},
		"equal":          {was: was, now: was},
		"gone":           {was: was, now: &manifest.Manifest{}},
		"new":            {was: &manifest.Manifest{}, now: was},
		"another method": {was: was, now: &manifest.Manifest{Routes: []manifest.Route{route("PUT", "/", "z")}}},
		"changed":        {was: was, now: &manifest.Manifest{Routes: []manifest.Route{route("GET", "/", "a"), route("POST", "/", "z")}}, want: true},
	}
	for name, tt := range tests {
		if got := signatureBreaks(tt.was, tt.now); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

func TestHappened(t *testing.T) {
	event := func(kind control.EventKind, rung manifest.Rung) outcome {
		return outcome{event: control.Event{Kind: kind, Rung: rung}}
	}
	tests := []struct {
		out  outcome
		want manifest.Rung
	}{
		{event(control.EventLive, manifest.RungHotSwap), manifest.RungHotSwap},
		{event(control.EventLive, manifest.RungWarmRestart), manifest.RungWarmRestart},
		{event(control.EventLive, ""), ""}, // the first generation
		{event(control.EventUnchanged, ""), ""},
		{event(control.EventKept, manifest.RungKeep), manifest.RungKeep},
		{outcome{needsDecision: true, event: control.Event{Kind: control.EventKept, Rung: manifest.RungKeep}}, manifest.RungWarmRestart},
		{outcome{needsDecision: true, event: control.Event{Kind: control.EventAsking, Rung: manifest.RungWarmRestart}}, manifest.RungWarmRestart},
	}
	for _, tt := range tests {
		if got := happened(tt.out); got != tt.want {
			t.Errorf("%s by %q: %q, want %q", tt.out.event.Kind, tt.out.event.Rung, got, tt.want)
		}
	}
}
