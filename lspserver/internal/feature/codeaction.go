package feature

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// CodeActionPolicy is the kind of what changes how a code is treated from now
// on. It mends nothing, so it is no quick fix, which Enter would take.
const CodeActionPolicy = protocol.CodeActionKind("source.anvil.policy")

// breakNames says of which changes a code tells, for titles.
var breakNames = map[manifest.Code]string{
	manifest.CodeSignature:     "changed signatures",
	manifest.CodeHostChanged:   "changed host packages",
	manifest.CodeModuleChanged: "changed modules and flags",
}

// CodeActions returns what can be done about the findings in a range, and about a
// handler that is not registered. decided tells what the user decided about a code.
func CodeActions(ctx context.Context, v *view.View, p *protocol.CodeActionParams,
	decided func(manifest.Code) string) []protocol.CodeAction {
	d := v.Document(p.TextDocument.URI)
	a := &codeActionSet{v: v, d: d, f: v.Folder(d.Path), p: p, decided: decided}
	return a.all(ctx)
}

// codeActionSet is one request for code actions.
type codeActionSet struct {
	v       *view.View
	d       *view.Document
	f       *view.Folder // nil: a main whose handlers package has no register function belongs to none
	p       *protocol.CodeActionParams
	decided func(manifest.Code) string
	out     []protocol.CodeAction
}

// actionData travels with an action whose edit is computed when it is chosen.
type actionData struct {
	Do      changeKind        `json:"do"`
	Path    string            `json:"path"`
	At      protocol.Position `json:"at"`
	Version int32             `json:"version"`
}

func (a *codeActionSet) all(ctx context.Context) []protocol.CodeAction {
	if a.f == nil {
		if a.wants(protocol.CodeActionKindQuickFix) {
			a.declareMissing()
		}
		return a.out
	}
	var own []protocol.Diagnostic
	for _, d := range a.p.Context.Diagnostics {
		if source, _ := d.Source.Get(); source == "anvil" && overlap(d.Range, a.p.Range) {
			own = append(own, d)
		}
	}
	slices.SortStableFunc(own, func(x, y protocol.Diagnostic) int {
		return comparePositions(x.Range.Start, y.Range.Start)
	})
	if a.wants(protocol.CodeActionKindQuickFix) {
		for _, d := range own {
			if ctx.Err() != nil {
				return nil
			}
			a.fixes(d)
		}
		for _, d := range own {
			a.remedies(d)
		}
		if !slices.ContainsFunc(own, func(d protocol.Diagnostic) bool { return codeOf(d) == manifest.CodeRegister }) {
			a.declareMissing()
		}
	}
	if a.wants(protocol.CodeActionKindRefactorRewrite) && ctx.Err() == nil {
		a.rewrite(rewriteRegister, a.p.Range.Start, protocol.CodeActionKindRefactorRewrite, nil)
	}
	if a.wants(CodeActionPolicy) {
		for _, d := range own {
			a.policies(d)
		}
	}
	return a.out
}

// wants reports whether the client asks for a kind of actions.
func (a *codeActionSet) wants(k protocol.CodeActionKind) bool {
	return len(a.p.Context.Only) == 0 || slices.ContainsFunc(a.p.Context.Only, func(only protocol.CodeActionKind) bool {
		return only == k || only == "" || strings.HasPrefix(string(k), string(only)+".")
	})
}

func codeOf(d protocol.Diagnostic) manifest.Code {
	s, _ := d.Code.(protocol.String)
	return manifest.Code(s)
}

func overlap(a, b protocol.Range) bool {
	return comparePositions(a.Start, b.End) <= 0 && comparePositions(b.Start, a.End) <= 0
}

func comparePositions(a, b protocol.Position) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Character, b.Character))
}

// fixes offers edits that mend a finding.
func (a *codeActionSet) fixes(d protocol.Diagnostic) {
	switch codeOf(d) {
	case manifest.CodePackageState:
		a.rewrite(rewriteMove, d.Range.Start, protocol.CodeActionKindQuickFix, &d)
	case manifest.CodeRegister:
		for _, do := range []changeKind{rewriteCorrect, rewriteDeclare, rewriteDeclareIn} {
			if a.rewrite(do, d.Range.Start, protocol.CodeActionKindQuickFix, &d) {
				return
			}
		}
	}
}

// declareMissing offers to create the register function that main names.
func (a *codeActionSet) declareMissing() {
	if from, to, ok := registerNamed(a.d); ok && overlap(a.d.Mapper().Range(from, to), a.p.Range) {
		a.rewrite(rewriteDeclareIn, a.p.Range.Start, protocol.CodeActionKindQuickFix, nil)
	}
}

// remedies offers what the engine can do about a finding.
func (a *codeActionSet) remedies(d protocol.Diagnostic) {
	code := codeOf(d)
	var data view.DiagnosticData
	happened := json.Unmarshal(d.Data, &data) == nil && data.Happened
	runs := a.f.Status.State != view.StateOff && a.f.Status.State != view.StateStarting
	// A restart takes what is on disk: it does nothing about what is only typed.
	if runs && code.Rung() == manifest.RungWarmRestart && (happened || !a.d.Dirty()) {
		a.command(d, protocol.CodeActionKindQuickFix, "Restart now", "anvil.restart", CommandArgument{Folder: a.f.URI})
	}
	if n := earlierGeneration(a.f); runs && n > 0 && (code == manifest.CodeHandlerPanic || happened &&
		code.Rung() == manifest.RungHotSwap) {
		a.command(d, protocol.CodeActionKindQuickFix, fmt.Sprintf("Roll back to generation %d", n), "anvil.rollback",
			CommandArgument{Folder: a.f.URI, Generation: n})
	}
}

// policies offers to decide for good what is done about a finding of this code.
func (a *codeActionSet) policies(d protocol.Diagnostic) {
	code := codeOf(d)
	for _, word := range []string{view.BreakRestart, view.BreakKeep, view.BreakAsk, view.BreakSwap} {
		if title, ok := PolicyTitle(code, word); ok && a.decided(code) != word {
			a.command(d, CodeActionPolicy, title, "anvil.remember", CommandArgument{Folder: a.f.URI, Code: code, Decision: word})
		}
	}
}

// PolicyTitle says what a decision about a code means; not ok if there is
// nothing to decide about it.
func PolicyTitle(code manifest.Code, decided string) (string, bool) {
	name, ok := breakNames[code]
	does := map[string]string{
		view.BreakRestart: "Always restart", view.BreakKeep: "Never restart", view.BreakAsk: "Ask before restarting",
		view.BreakSwap: "Swap without a restart",
	}[decided]
	return fmt.Sprintf("%s for %s in this workspace", does, name), ok && does != "" && view.ValidDecision(code, decided)
}

func (a *codeActionSet) command(d protocol.Diagnostic, kind protocol.CodeActionKind, title, name string,
	arg CommandArgument) {
	for _, other := range a.out {
		if other.Title == title {
			return // for another finding of the same kind
		}
	}
	data, err := json.Marshal(arg)
	if err != nil {
		return
	}
	a.out = append(a.out, protocol.CodeAction{
		Title: title, Kind: &kind, Diagnostics: []protocol.Diagnostic{d},
		Command: protocol.Command{Title: title, Command: name, Arguments: []protocol.LSPAny{data}},
	})
}

// rewrite offers an edit. It reports whether it is possible.
func (a *codeActionSet) rewrite(do changeKind, at protocol.Position, kind protocol.CodeActionKind,
	d *protocol.Diagnostic) bool {
	change, err := changeFor(a.v, do, a.f, a.d, a.d.Mapper().Offset(at))
	if err != nil {
		return false
	}
	action := protocol.CodeAction{Title: change.Title, Kind: &kind}
	if d != nil {
		action.Diagnostics = []protocol.Diagnostic{*d}
		action.IsPreferred = new(do != rewriteMove)
	}
	if a.v.Client.ResolveActions {
		data, err := json.Marshal(actionData{Do: do, Path: a.d.Path, At: at, Version: a.d.Version})
		if err != nil {
			return false
		}
		action.Data = data
	} else {
		action.Edit = workspaceEdit(a.v, change)
	}
	a.out = append(a.out, action)
	return true
}

// ResolveAction is codeAction/resolve: it computes the edit.
func ResolveAction(_ context.Context, v *view.View, p *protocol.CodeAction) (any, error) {
	var data actionData
	if len(p.Data) == 0 {
		return p, nil // a command
	}
	if err := json.Unmarshal(p.Data, &data); err != nil {
		return nil, Invalid("the data of a code action: %v", err)
	}
	d := v.Documents.ByPath[data.Path]
	if d == nil || d.Version != data.Version {
		return nil, jsonrpc2.NewError(codeContentModified, "the file was edited since the action was offered")
	}
	f := v.Folder(data.Path)
	change, err := changeFor(v, data.Do, f, d, d.Mapper().Offset(data.At))
	if err != nil {
		return nil, jsonrpc2.NewError(codeContentModified, err.Error())
	}
	p.Edit = workspaceEdit(v, change)
	return p, nil
}

// codeContentModified is ContentModified of the protocol.
const codeContentModified = jsonrpc2.Code(protocol.LSPErrorCodesContentModified)
