package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// issues is where to report a wrong prediction.
const issues = "https://github.com/anvilforge/anvil-lsp/issues"

// predicted shows what a save is expected to do. Unless the user wants to know everything, what is
// found is told once, with what becomes of the save.
func (c *Console) predicted(b *strings.Builder, ev control.Event) {
	shown := slices.DeleteFunc(slices.Clone(ev.Diagnostics), func(d manifest.Diagnostic) bool {
		return d.Severity == manifest.SeverityHint && !c.o.Verbose
	})
	if !c.o.Verbose || len(shown) == 0 {
		c.pending = shown
		return
	}
	c.reported = slices.Clone(shown)
	label := c.style.Yellow
	if ev.Rung == manifest.RungKeep {
		label = c.style.Red
	}
	c.refusal(b, ev, label("predicted")+"  "+RungName(ev.Rung), "")
	if ev.Rung == manifest.RungKeep { // what will be refused has to be fixed: with its source
		c.fully(b, shown)
		return
	}
	c.briefly(b, shown)
}

// expectation says while a save is built what it is expected to end in, where that is not a hot
// swap.
func expectation(ev control.Event) string {
	if ev.Rung == manifest.RungHotSwap || ev.Rung == "" {
		return ""
	}
	return "for a " + RungName(ev.Rung) + "  "
}

// refusal writes the one line of a save that did not go live.
func (c *Console) refusal(b *strings.Builder, ev control.Event, label, serving string) {
	total := ""
	if ev.Total > 0 {
		total = c.style.Bold(ev.Total.String())
	}
	head := spaced(c.stamp(ev), label, total)
	cause := fit(ev.Cause, maxCause, c.columns()-columnsOf(head)-columnsOf(serving)-4)
	fmt.Fprintln(b, spaced(head, cause, serving))
}

// asking shows a change that waits for the user.
func (c *Console) asking(b *strings.Builder, ev control.Event) {
	news := c.news(ev.Diagnostics)
	c.refusal(b, ev, c.style.Yellow("restart?"), "")
	c.briefly(b, news)
	c.paragraph(b, ev.Message)
	c.restartAdvice(b)
}

// restartAdvice says how to take a change that waits for a restart.
func (c *Console) restartAdvice(b *strings.Builder) {
	fmt.Fprintf(b, "%sto restart now: %s\n", margin, c.style.Bold(c.restartCommand()))
}

func (c *Console) restartCommand() string {
	return cmp.Or(c.o.RestartCommand, "anvil-lsp ctl restart")
}

// mispredicted says that a save came otherwise than predicted.
func (c *Console) mispredicted(b *strings.Builder, ev control.Event) {
	p := ev.Predicted
	if p == nil || !p.Wrong {
		return
	}
	expected := RungName(p.Rung)
	if len(p.Codes) > 0 {
		codes := make([]string, len(p.Codes))
		for i, code := range p.Codes {
			codes[i] = string(code)
		}
		expected += " (" + strings.Join(codes, ", ") + ")"
	}
	fmt.Fprintf(b, "%s%s %s was predicted; please report this edit: %s\n", margin, c.style.Yellow("wrong prediction:"),
		expected, issues)
}

// RungName returns the name of a rung for the user.
func RungName(r manifest.Rung) string {
	switch r {
	case manifest.RungHotSwap:
		return "hot swap"
	case manifest.RungWarmRestart:
		return "warm restart"
	case manifest.RungKeep:
		return "refused"
	case "":
		return "unchanged"
	}
	return string(r)
}

// news returns what is known about the build under way and was not shown yet: what was held, and
// the given diagnostics.
func (c *Console) news(ds []manifest.Diagnostic) []manifest.Diagnostic {
	var news []manifest.Diagnostic
	for _, d := range slices.Concat(c.pending, ds) {
		known := func(t manifest.Diagnostic) bool { return alike(d, t) }
		if !slices.ContainsFunc(c.reported, known) && !slices.ContainsFunc(news, known) {
			news = append(news, d)
		}
	}
	c.reported, c.pending = nil, nil
	return news
}

// alike reports whether two diagnostics are the same finding for a person. The live server knows no
// columns, and what became of kept state (ANV005) and the errors of the compiler (ANV009) have other
// words than their prediction.
func alike(a, b manifest.Diagnostic) bool {
	switch {
	case a.Code != b.Code || a.File != b.File || a.Line != b.Line:
		return false
	case a.Line == 0:
		return a.Message == b.Message
	}
	return a.Column == b.Column || a.Column == 0 || b.Column == 0
}

// onlyBreaks reports whether nothing but the need for a restart stands in the way of the newest
// code.
func onlyBreaks(ds []manifest.Diagnostic) bool {
	// What happened while serving is not about the code that waits.
	incident := func(d manifest.Diagnostic) bool {
		return d.Code == manifest.CodeHandlerPanic || d.Code == manifest.CodeLiveServer
	}
	isBreak := func(d manifest.Diagnostic) bool { return d.Code.Rung() == manifest.RungWarmRestart && !incident(d) }
	isError := func(d manifest.Diagnostic) bool { return d.Severity == manifest.SeverityError && !incident(d) }
	return slices.ContainsFunc(ds, isBreak) && !slices.ContainsFunc(ds, isError)
}
