package engine

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

// freeAndTaken returns a port that nobody listens on, and one that the test does.
func freeAndTaken(t *testing.T) (free, taken int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	reserved := netip.MustParseAddrPort(nettest.Reserve(t))
	return int(reserved.Port()), l.Addr().(*net.TCPAddr).Port
}

func TestTheAddressThatMainNamesIsServed(t *testing.T) {
	for name, test := range map[string]struct {
		addr func(free, taken int) string
		want func(free, taken int) int // port, 0 for another one
		note string
	}{
		"loopback":        {func(free, _ int) string { return fmt.Sprintf("127.0.0.1:%d", free) }, func(free, _ int) int { return free }, ""},
		"localhost":       {func(free, _ int) string { return fmt.Sprintf("localhost:%d", free) }, func(free, _ int) int { return free }, ""},
		"all interfaces":  {func(free, _ int) string { return fmt.Sprintf(":%d", free) }, func(free, _ int) int { return free }, "on this machine only"},
		"0.0.0.0":         {func(free, _ int) string { return fmt.Sprintf("0.0.0.0:%d", free) }, func(free, _ int) int { return free }, "on this machine only"},
		"another machine": {func(free, _ int) string { return fmt.Sprintf("192.0.2.1:%d", free) }, func(free, _ int) int { return free }, "on this machine only"},
		"chosen":          {func(int, int) string { return "127.0.0.1:0" }, func(int, int) int { return 0 }, ""},
		"taken":           {func(_, taken int) string { return fmt.Sprintf("127.0.0.1:%d", taken) }, func(int, int) int { return 0 }, fmt.Sprintf("which main names, is taken by process %d (", os.Getpid())},
		"nonsense":        {func(int, int) string { return "8080" }, func(int, int) int { return 0 }, "8080, which main names, cannot be listened on"},
		"no such name":    {func(int, int) string { return "127.0.0.1:nonsense" }, func(int, int) int { return 0 }, "cannot be listened on"},
	} {
		t.Run(name, func(t *testing.T) {
			free, taken := freeAndTaken(t)
			addr := test.addr(free, taken)
			s, n, err := adopt(t.Context(), addr, free)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			at := s.Addr().(*net.TCPAddr)
			if !at.IP.IsLoopback() || test.want(free, taken) != 0 && at.Port != test.want(free, taken) || at.Port == taken {
				t.Errorf("%s is served on %v", addr, at)
			}
			if n.addr != addr || (test.note == "") != (n.note == "") || !strings.Contains(n.note, test.note) {
				t.Errorf("%s: %q, want %q", addr, n.note, test.note)
			}
			if strings.Contains(n.note, "instead") && !strings.HasSuffix(n.note, fmt.Sprintf("serving on %v instead", at)) {
				t.Errorf("%s: %q does not say where", addr, n.note)
			}
		})
	}
}

func TestAnAddressThatChangesIsTold(t *testing.T) {
	free, taken := freeAndTaken(t)
	s, n, err := adopt(t.Context(), fmt.Sprintf("127.0.0.1:%d", free), free)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := &Engine{socket: s, mainAddr: n, events: transport.NewStream[control.Event]()}
	var told []string
	events := e.events.Subscribe(t.Context())
	other := fmt.Sprintf("0.0.0.0:%d", taken)
	for _, addr := range []string{
		"",                       // a runtime that does not tell
		n.addr,                   // as it was
		fmt.Sprintf(":%d", free), // the same port
		other, other,             // told once
		"127.0.0.1:0", // any
		n.addr, other, // and again after it was right
	} {
		e.compareAddress(addr)
	}
	e.events.Close()
	for ev := range events {
		told = append(told, ev.Message)
	}
	if len(told) != 2 || !strings.Contains(told[0], fmt.Sprintf("main names %s, but the application stays on %s", other, s.URL())) ||
		!strings.Contains(told[0], fmt.Sprintf("--addr 127.0.0.1:%d", taken)) {
		t.Errorf("told %q", told)
	}
}
