package lspserver

import (
	"maps"
	"slices"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// final reports whether an event ends what a save began.
func final(k control.EventKind) bool {
	switch k {
	case control.EventLive, control.EventKept, control.EventAsking, control.EventUnchanged, control.EventRolledBack,
		control.EventStopped:
		return true
	}
	return false
}

// tellsMore reports whether after an event that ends nothing there is something
// else to say of the code.
func tellsMore(k control.EventKind) bool {
	switch k {
	case control.EventPanic, control.EventExited, control.EventRecovered, control.EventHeld, control.EventPaused,
		control.EventResumed,
		control.EventRestarting: // which takes longer than to say what there is to say of the new code
		return true
	}
	return false
}

// receive takes an event over.
func (f *session) receive(ev control.Event) {
	f.mu.Lock()
	if last := f.status.Last; last != nil && !ev.Time.After(last.Time) && ev.Kind != control.EventProgress {
		f.mu.Unlock()
		return // the stream begins with what the status has
	}
	engine.UpdateStatus(&f.status, ev)
	if ev.URL != "" {
		f.status.URL = ev.URL
	}
	switch ev.Kind {
	case control.EventLive, control.EventRolledBack:
		f.live = f.readManifest(ev)
	case control.EventRequests:
		f.counting.receive(ev.Stats)
	case control.EventHeld:
		f.held.arrived(true)
		f.message = ev.Message
		if !f.paused && f.getSettings().OnSave == view.SaveNoErrors {
			f.message = "the change waits for code without errors"
		}
	case control.EventWaiting:
		f.message = ev.Message
	case control.EventStarting, control.EventBuilding:
		f.held.arrived(false)
		f.message = ""
	}
	switch {
	case final(ev.Kind):
		f.remember(ev.Diagnostics)
		f.message = ev.Message
	case ev.Kind == control.EventPanic || ev.Kind == control.EventExited:
		f.remember(nil)
		f.message = ev.Message
	}
	if final(ev.Kind) && ev.Kind != control.EventStopped {
		f.lastMS, f.rung = float64(time.Duration(ev.Total).Microseconds())/1000, ev.Rung
	}
	if f.own && final(ev.Kind) {
		f.stale.add(f.dir, ev.Cause)
	}
	if ev.Kind == control.EventStopped && ev.Message == control.StoppedOnRequest {
		no := false
		f.override = &no
	}
	if final(ev.Kind) && f.withdraw != nil {
		f.withdraw() // it was about code that is not the newest any more
	}
	l := f.link
	f.mu.Unlock()
	f.renew()
	f.progress.event(ev)
	switch ev.Kind {
	case control.EventLive, control.EventRolledBack, control.EventRecovered:
		if l != nil {
			f.recount(l)
		}
	}
	switch {
	case ev.Kind == control.EventWarning:
		f.s.logf(protocol.MessageTypeWarning, "%s: %s", f.dir, ev.Message)
	case ev.Kind == control.EventAsking:
		f.askUser(ev)
	}
	if ev.Kind == control.EventBuilding || ev.Kind == control.EventHeld {
		f.s.savedOnDisk(f) // the engine has seen a change
	}
	if final(ev.Kind) {
		f.s.savedOnDisk(f)
	}
	if final(ev.Kind) || tellsMore(ev.Kind) {
		f.hurry()
	}
}

// readManifest returns the manifest of the generation that an event brought
// live; f.mu is held.
func (f *session) readManifest(ev control.Event) *manifest.Manifest {
	if m, err := engine.ManifestOf(f.dir, ev.Generation); err == nil {
		return m
	}
	if m, err := engine.LastManifest(f.dir); err == nil && m.Generation == ev.Generation {
		return m
	}
	return &manifest.Manifest{Format: manifest.FormatVersion, Generation: ev.Generation, Routes: ev.Routes}
}

// texts are those of files, by their paths.
type texts map[string][]byte

// problem is what findings are told apart by.
type problem struct {
	code    manifest.Code
	at      manifest.Position
	message string
}

func problemOf(d manifest.Diagnostic) problem { return problem{d.Code, d.Position, d.Message} }

// remember keeps the text of the files that the problems are about. For what is
// told about the code on disk, and for what nothing is known of, it is read from
// there. Other problems keep theirs: a panic is about the code that serves, which
// differs from that on disk after a save that was not taken. f.mu is held.
func (f *session) remember(told []manifest.Diagnostic) {
	reported, serving, disk := map[problem]bool{}, texts{}, texts{}
	for _, d := range told {
		reported[problemOf(d)] = true
	}
	for p, base := range f.bases {
		if p.code == manifest.CodeHandlerPanic {
			maps.Copy(serving, base) // all panics are of one generation
		}
	}
	bases := map[problem]texts{}
	sources := golist.Sources(f.dir)
	for _, d := range f.status.Problems {
		p := problemOf(d)
		base := bases[p]
		if base == nil {
			base = texts{}
			if !reported[p] {
				maps.Copy(base, f.bases[p])
			}
			bases[p] = base
		}
		read := func(path string) {
			if path == "" || base[path] != nil {
				return
			}
			if text := serving[path]; text != nil && !reported[p] {
				base[path] = text
				return
			}
			if _, tried := disk[path]; !tried {
				disk[path], _ = sources.Read(path)
			}
			if text := disk[path]; text != nil {
				base[path] = text
			}
		}
		read(d.File)
		for _, r := range slices.Concat(d.Related, incident(d, f.owns)) {
			if f.owns(r.File) {
				read(r.File)
			}
		}
	}
	f.bases = bases
}
