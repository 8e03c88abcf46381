package launch

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

func TestParseKernelAddr(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000:0050":                         "0.0.0.0:80",
		"00000000000000000000000001000000:1F90": "[::1]:8080",
		"0000000000000000FFFF00000100007F:1F90": "[::ffff:127.0.0.1]:8080",
	} {
		if got, ok := parseKernelAddr(text); !ok || got != netip.MustParseAddrPort(want) {
			t.Errorf("%s: %v, %v; want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", ":", "0100007F", "0100007F:", "01:1F90", "xx00007F:1F90", "0100007F:1F9", "0100007F00:1F90"} {
		if got, ok := parseKernelAddr(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestWhatIsOnlyBoundIsNotHeld: tests reserve addresses so.
func TestWhatIsOnlyBoundIsNotHeld(t *testing.T) {
	at := netip.MustParseAddrPort(nettest.Reserve(t))
	if who := holder(t.Context(), at.Addr(), strconv.Itoa(int(at.Port()))); who != "" {
		t.Errorf("%s is taken%s", at, who)
	}
	for _, s := range socketsIn("/proc/self/net/tcp", stateListen) {
		if s.addr == at {
			t.Errorf("%s is listened on", at)
		}
	}
}
