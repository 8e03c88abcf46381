package launch

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// resource is something that only one process at a time can have.
type resource struct {
	kind resourceKind
	// name is an address for a port, a path otherwise. It is empty if all that is known is that there
	// is one.
	name string
	// sure says that a second process of the same program cannot have it either. An address is not
	// sure if the system may have chosen its port, a lock is not if it may be held for a moment only.
	sure bool
}

type resourceKind string

const (
	tcpPort    resourceKind = "tcp"
	udpPort    resourceKind = "udp"
	unixSocket resourceKind = "unix"
	fileLock   resourceKind = "lock"
	pidFile    resourceKind = "file"
)

// conflict says, to follow "two processes cannot both", what they cannot.
func (r resource) conflict() string {
	switch {
	case r.name == "":
		return "listen on one of its addresses"
	case r.kind == fileLock:
		return "lock " + r.name
	case r.kind == pidFile:
		return "have made " + r.name
	case r.kind == udpPort:
		return "listen on " + r.name + " (UDP)"
	}
	return "listen on " + r.name
}

// holdings are the resources that a process has, with what it has started.
type holdings struct {
	known bool // the system tells what a process has
	list  []resource
	pid   int
	dir   string // the working directory of its program
}

func (h holdings) ports() (ports []resource) {
	for _, r := range h.list {
		if r.kind == tcpPort || r.kind == udpPort {
			ports = append(ports, r)
		}
	}
	return ports
}

var (
	// How Go words that an address is taken.
	addressMessage = regexp.MustCompile(`listen (tcp|udp|unix)\w* (\S*): bind: address already in use`)
	// How everything else does.
	anyAddressMessage = regexp.MustCompile(`(?i)address (is )?already in use|EADDRINUSE`)
	// A file that must not be there, as pid files.
	fileThere = regexp.MustCompile(`(?:open|link|symlink|mkdir) (\S+(?: \S+)*): file exists`)
	// How programs word that a lock is held by another process.
	lockMessage = regexp.MustCompile(`(?i)\block(ed|s|file)?\b|temporarily unavailable|would block|` +
		`already (running|open|in use)|another (process|instance)|\btimeout\b`)
)

// addressInUse returns the address that a program says is taken.
func addressInUse(output string) (r resource, ok bool) {
	if m := lastMatch(addressMessage, output); m != nil {
		return resource{kind: resourceKind(m[1]), name: m[2]}, true
	}
	return resource{}, anyAddressMessage.MatchString(output)
}

func lastMatch(re *regexp.Regexp, text string) []string {
	all := re.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// missed returns what a process did not get because another one has it, which holds what h says.
// Output is the end of what the first has printed.
func (h holdings) missed(output string) (resource, bool) {
	if _, address := addressInUse(output); address {
		return h.missedAddress(output)
	}
	if m := lastMatch(fileThere, output); m != nil && h.made(m[1]) {
		return resource{kind: pidFile, name: h.relative(m[1])}, true
	}
	for _, r := range h.list {
		if r.kind == fileLock && (lockMessage.MatchString(output) || h.names(output, r.name)) {
			return r, true
		}
	}
	return resource{}, false
}

// missedAddress is missed for addresses.
func (h holdings) missedAddress(output string) (resource, bool) {
	taken, ok := addressInUse(output)
	if !ok || !h.known {
		return taken, ok
	}
	for _, r := range h.list {
		switch {
		case r.kind != tcpPort && r.kind != udpPort && r.kind != unixSocket:
		case taken.name == "":
			return r, true
		case r.kind != taken.kind:
		case r.kind == unixSocket && h.relative(r.name) == h.relative(taken.name),
			r.kind != unixSocket && samePort(r.name, taken.name):
			return r, true
		}
	}
	return resource{}, false
}

// samePort compares two addresses. Of :80 and 127.0.0.1:80 only one process can have the second
// while another has the first.
func samePort(a, b string) bool {
	return a[strings.LastIndexByte(a, ':')+1:] == b[strings.LastIndexByte(b, ':')+1:]
}

// made reports whether a file holds the number of the process.
func (h holdings) made(path string) bool {
	if !filepath.IsAbs(path) {
		path = filepath.Join(h.dir, path)
	}
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() || st.Size() > 64 {
		return false
	}
	data, err := os.ReadFile(path)
	pid, errNumber := strconv.Atoi(strings.TrimSpace(string(data)))
	return err == nil && errNumber == nil && pid == h.pid
}

// names reports whether a text is about a file: it has its path or that of its directory, as
// databases have many files.
func (h holdings) names(text, path string) bool {
	if strings.Contains(text, path) || strings.Contains(text, filepath.Base(path)) {
		return true
	}
	dir := filepath.Dir(path)
	return dir != "." && dir != h.dir && strings.Contains(text, dir)
}

// relative shortens the path of a file in the working directory.
func (h holdings) relative(path string) string {
	if rel, err := filepath.Rel(h.dir, path); filepath.IsAbs(path) && err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
