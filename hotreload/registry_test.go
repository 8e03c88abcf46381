package hotreload

import (
	"errors"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestRegistryFollowsTheLiveGeneration(t *testing.T) {
	s := NewLiveState(nil)
	messages := NewRegistry[string, int]("messages")
	other := NewRegistry[int, string]("other")
	if _, ok := messages.Get("chat"); ok || messages.Generation() != 0 || len(messages.Keys()) != 0 {
		t.Error("a new registry is not empty")
	}
	first := func(r *RouteSink) {
		messages.Add(r, "ping", 1)
		messages.Add(r, "chat", 1)
		if _, ok := messages.Get("ping"); ok {
			t.Error("an entry appears before its generation is live")
		}
	}
	goLiveWith(t, s, first)
	if got := messages.Keys(); !slices.Equal(got, []string{"chat", "ping"}) || messages.Generation() != 1 {
		t.Errorf("keys %v of generation %d", got, messages.Generation())
	}
	goLiveWith(t, s, func(r *RouteSink) {
		messages.Add(r, "chat", 2)
		other.Add(r, 9, "")
		other.Add(r, 10, "")
	})
	if v, _ := messages.Get("chat"); v != 2 {
		t.Errorf("chat = %d, want that of generation 2", v)
	}
	if _, ok := messages.Get("ping"); ok {
		t.Error("an entry outlives its generation")
	}
	if got := s.Manifest().Manifest.Registered; !slices.Equal(got, []string{"messages:chat", "other:10", "other:9"}) {
		t.Errorf("manifest has %v", got)
	}
	goLiveWith(t, s, func(*RouteSink) {})
	if len(messages.Keys()) != 0 || len(other.Keys()) != 0 || other.Generation() != 3 {
		t.Errorf("a generation without entries leaves %v and %v", messages.Keys(), other.Keys())
	}
	goLiveWith(t, s, first)
	if v, _ := messages.Get("ping"); v != 1 || messages.Generation() != 4 {
		t.Errorf("after going back ping = %d, generation %d", v, messages.Generation())
	}
}

func TestRegistryRefusesDuplicateKey(t *testing.T) {
	s := NewLiveState(nil)
	jobs := NewRegistry[string, int]("jobs")
	goLiveWith(t, s, func(r *RouteSink) { jobs.Add(r, "mail", 1) })
	err := s.Register(func(r *RouteSink) {
		jobs.Add(r, "mail", 2)
		jobs.Add(r, "mail", 3)
	})
	failure, ok := errors.AsType[*RegistrationError](err)
	if !ok || len(failure.Diagnostics) != 1 {
		t.Fatalf("got %v", err)
	}
	d := failure.Diagnostics[0]
	if d.Code != manifest.CodeRegistration || d.Message != "jobs: mail is registered twice" ||
		len(d.Related) != 1 || d.Related[0].Line != d.Line-1 || d.Related[0].File != d.File {
		t.Errorf("got %+v", d)
	}
	if v, _ := jobs.Get("mail"); v != 1 {
		t.Errorf("mail = %d, want that of the live generation", v)
	}
}
