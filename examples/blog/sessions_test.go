package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

// What follows up to the test stands in docs/state.md.

// carried is the memory store of scs, with sessions that outlive a warm restart.
type carried struct{ *memstore.MemStore }

func (c carried) MarshalState() ([]byte, error) {
	all, err := c.All()
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

func (c carried) UnmarshalState(data []byte) error {
	var all map[string][]byte
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for token, session := range all {
		deadline, _, err := scs.GobCodec{}.Decode(session)
		if err != nil {
			return err
		}
		if err := c.Commit(token, session, deadline); err != nil {
			return err
		}
	}
	return nil
}

func TestSessionsAreCarried(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	session, err := scs.GobCodec{}.Encode(deadline, map[string]any{"user": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	old, next := carried{memstore.NewWithCleanupInterval(0)}, carried{memstore.NewWithCleanupInterval(0)}
	if err := old.Commit("token", session, deadline); err != nil {
		t.Fatal(err)
	}
	var from, to hotreload.Carrier = old, next
	data, err := from.MarshalState()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.UnmarshalState(data); err != nil {
		t.Fatal(err)
	}
	got, found, err := next.Find("token")
	if err != nil || !found || string(got) != string(session) {
		t.Errorf("got %q, %v, %v", got, found, err)
	}
}
