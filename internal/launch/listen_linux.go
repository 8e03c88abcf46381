package launch

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// holder describes, to follow the words "is taken", the process that keeps port from being bound on
// ip. It is empty if that cannot be found out.
func holder(ctx context.Context, ip netip.Addr, port string) string {
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, s := range socketsIn(table, stateListen) {
			at := s.addr.Addr().Unmap()
			if int(s.addr.Port()) == number && (at == ip || at.IsUnspecified() || ip.IsUnspecified()) {
				inodes["socket:["+s.inode+"]"] = true
			}
		}
	}
	// Reading another user's descriptors is refused; those are skipped. Of several holders of one
	// socket the oldest is named: it opened the socket.
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	slices.SortFunc(links, func(a, b string) int { return pidOf(a) - pidOf(b) })
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && inodes[target] {
			return fmt.Sprintf(" by process %d%s", pidOf(link), command(pidOf(link)))
		}
	}
	return ""
}

func pidOf(link string) (pid int) {
	fmt.Sscanf(link, "/proc/%d/", &pid)
	return pid
}

// command returns a process's command line in brackets, shortened.
func command(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	words := strings.Join(strings.FieldsFunc(string(data), func(r rune) bool { return r == 0 || r == '\n' }), " ")
	if err != nil || words == "" {
		return ""
	}
	const enough = 100
	if r := []rune(words); len(r) > enough {
		words = string(r[:enough]) + "…"
	}
	return " (" + words + ")"
}

// States of sockets in the tables of the kernel.
const (
	stateListen      = "0A"
	stateUnconnected = "07"
)

// boundSocket is a socket in a table of the kernel.
type boundSocket struct {
	addr  netip.AddrPort
	inode string
}

// socketsIn returns the sockets of a table that are in a state.
func socketsIn(table, state string) (sockets []boundSocket) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local remote state queues timer retransmits uid timeout inode …
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != state {
			continue
		}
		if addr, ok := parseKernelAddr(fields[1]); ok {
			sockets = append(sockets, boundSocket{addr, fields[9]})
		}
	}
	return sockets
}

// parseKernelAddr reads an address like 0100007F:1F90: words of 32 bits in the byte order of the
// machine, which is little-endian on everything that Go's plugins run on but s390x, where no holder
// is found.
func parseKernelAddr(s string) (addr netip.AddrPort, ok bool) {
	host, port, _ := strings.Cut(s, ":")
	ip, err := hex.DecodeString(host)
	if err != nil || len(ip)%4 != 0 {
		return addr, false
	}
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	at, ok := netip.AddrFromSlice(ip)
	p, err := hex.DecodeString(port)
	if !ok || err != nil || len(p) != 2 {
		return addr, false
	}
	return netip.AddrPortFrom(at, uint16(p[0])<<8|uint16(p[1])), true
}
