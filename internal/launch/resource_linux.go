package launch

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// kernelLock is a line about a lock in a table of the kernel.
type kernelLock struct {
	file    string // device and inode, as the kernel writes them
	pid     int    // −1 if the lock belongs to an open file
	flock   bool   // of flock(2): programs keep those
	write   bool   // exclusive
	waiting bool
	id      string // the same for a lock and for those that wait for it
}

// parseLock reads a line like
//
//	1: -> FLOCK  ADVISORY  WRITE 12346 08:01:131 0 EOF
func parseLock(line string) (l kernelLock, ok bool) {
	fields := strings.Fields(line)
	if len(fields) > 1 && fields[1] == "->" {
		l.waiting = true
		fields = slices.Delete(fields, 1, 2)
	}
	if len(fields) < 6 {
		return l, false
	}
	pid, err := strconv.Atoi(fields[4])
	if err != nil || fields[1] != "FLOCK" && fields[1] != "POSIX" && fields[1] != "OFDLCK" {
		return l, false
	}
	l.id, l.flock, l.write, l.pid, l.file = fields[0], fields[1] == "FLOCK", fields[3] == "WRITE", pid, fields[5]
	return l, true
}

// groupOf returns the processes of a group that have not ended, sorted.
func groupOf(group int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid pgrp …, and the name may have anything in it
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) > 2 && fields[0] != "Z" && fields[0] != "X" && fields[2] == strconv.Itoa(group) {
			pids = append(pids, pidOf(path))
		}
	}
	slices.Sort(pids)
	return pids
}

// groupRuns reports whether there is a process in a group that runs. What has ended stays there
// until its parent takes note, and the first process of a container often takes none.
func groupRuns(group int) bool {
	return syscall.Kill(-group, 0) == nil && len(groupOf(group)) > 0
}

// openFile is a descriptor of a process.
type openFile struct {
	pid    int
	link   string // path in /proc
	target string // what it is, or its path
}

func openFiles(pids []int) (files []openFile) {
	for _, pid := range pids {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, link := range links {
			if target, err := os.Readlink(link); err == nil {
				files = append(files, openFile{pid, link, target})
			}
		}
	}
	return files
}

// locks returns the locks that a process has by a descriptor.
func (f openFile) locks() (locks []kernelLock) {
	data, err := os.ReadFile(strings.Replace(f.link, "/fd/", "/fdinfo/", 1))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "lock:"); ok {
			if l, ok := parseLock(rest); ok {
				locks = append(locks, l)
			}
		}
	}
	return locks
}

// info describes the file itself.
func (f openFile) info() os.FileInfo {
	if !strings.HasPrefix(f.target, "/") || strings.HasPrefix(f.target, "/dev/") {
		return nil
	}
	st, err := os.Stat(f.link)
	if err != nil || !st.Mode().IsRegular() && !st.IsDir() {
		return nil
	}
	return st
}

// holds looks through what the group of a process has open.
func (u *unixSystem) holds(c *child) holdings {
	h := holdings{known: true, pid: c.pid, dir: c.dir}
	files := openFiles(groupOf(c.pid))
	sockets := map[string]int{} // by inode; whose
	for _, f := range files {
		inode, ok := strings.CutPrefix(f.target, "socket:[")
		if _, seen := sockets[strings.TrimSuffix(inode, "]")]; ok && !seen {
			sockets[strings.TrimSuffix(inode, "]")] = f.pid
		}
		if !strings.HasPrefix(f.target, "/") {
			continue
		}
		for _, l := range f.locks() {
			if r := (resource{fileLock, h.relative(f.target), l.flock}); l.write && !slices.Contains(h.list, r) {
				h.list = append(h.list, r)
			}
		}
	}
	for _, inode := range u.ownSockets() { // the next process has them, too
		delete(sockets, inode)
	}
	low, high := chosenPorts()
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		kind, state := tcpPort, stateListen
		if strings.HasPrefix(table, "udp") {
			kind, state = udpPort, stateUnconnected
		}
		for _, s := range socketsIn(fmt.Sprintf("/proc/%d/net/%s", c.pid, table), state) {
			if _, ours := sockets[s.inode]; ours {
				p := int(s.addr.Port())
				h.list = append(h.list, resource{kind, s.addr.String(), kind == tcpPort && (p < low || p > high)})
			}
		}
	}
	for inode, path := range unixListeners(fmt.Sprintf("/proc/%d/net/unix", c.pid)) {
		pid, ours := sockets[inode]
		if ours && !paths.Below(path, u.RunDir) {
			// What a child listens on it may have been told by its parent.
			h.list = append(h.list, resource{unixSocket, h.relative(path), pid == c.pid})
		}
	}
	slices.SortFunc(h.list, func(a, b resource) int {
		return strings.Compare(string(a.kind)+a.name, string(b.kind)+b.name)
	})
	return h
}

// ownSockets returns the inodes of the engine's socket, and of those of the application that it
// keeps.
func (u *unixSystem) ownSockets() (inodes []string) {
	files, _, _ := u.Socket.kept.files(0) // without them they count as what only one process can have
	if f, errOwn := u.Socket.file(); errOwn == nil {
		files = append(files, f)
	}
	defer closeAll(files)
	for _, f := range files {
		var st syscall.Stat_t
		if syscall.Fstat(int(f.Fd()), &st) == nil {
			inodes = append(inodes, strconv.FormatUint(st.Ino, 10))
		}
	}
	return inodes
}

// chosenPorts are those from which the system chooses where a program asks for port 0.
func chosenPorts() (low, high int) {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if n, _ := fmt.Sscan(string(data), &low, &high); err != nil || n != 2 {
		return 0, 1 << 16
	}
	return low, high
}

// unixListeners returns the listening sockets with a name, by inode.
func unixListeners(table string) map[string]string {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	sockets := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// Num RefCount Protocol Flags Type St Inode Path
		const acceptsConnections = "00010000"
		fields := strings.SplitN(strings.Join(strings.Fields(lines.Text()), " "), " ", 8)
		if len(fields) == 8 && fields[3] == acceptsConnections {
			sockets[fields[6]] = fields[7]
		}
	}
	return sockets
}

// waits looks what a process waits for: what the one before it has locked, or without that one
// anybody.
func (u *unixSystem) waits(p, before *child) wait {
	group := groupOf(p.pid)
	files := openFiles(group)
	table := lockTable()
	var old []openFile
	if before != nil {
		old = openFiles(groupOf(before.pid))
	}
	h := holdings{dir: p.dir}
	for _, l := range table {
		if !l.waiting || !slices.Contains(group, l.pid) {
			continue
		}
		for _, f := range old {
			if slices.ContainsFunc(f.locks(), func(held kernelLock) bool { return held.file == l.file }) {
				return wait{lock: resource{kind: fileLock, name: h.relative(f.target)}, asking: true}
			}
		}
		if before == nil {
			return wait{lock: resource{kind: fileLock, name: h.relative(pathOf(files, l.file))}, asking: true,
				owner: whoHas(table, l)}
		}
	}
	if before == nil {
		return strangersLock(h, table, files, group)
	}
	for _, f := range old {
		if !slices.ContainsFunc(f.locks(), func(l kernelLock) bool { return l.write }) {
			continue
		}
		if st := f.info(); st != nil && slices.ContainsFunc(files, func(g openFile) bool {
			other := g.info()
			return other != nil && os.SameFile(st, other)
		}) {
			return wait{lock: resource{kind: fileLock, name: h.relative(f.target)}}
		}
	}
	return wait{}
}

// strangersLock finds a file that a process has open and another one has locked.
func strangersLock(h holdings, table []kernelLock, files []openFile, group []int) wait {
	for _, l := range table {
		if l.waiting || !l.write || slices.Contains(group, l.pid) {
			continue
		}
		for _, f := range files {
			if st := f.info(); st != nil && inodeOf(l.file) == inode(st) {
				return wait{lock: resource{kind: fileLock, name: h.relative(f.target)}, owner: whoHas(table, l)}
			}
		}
	}
	return wait{}
}

func lockTable() (locks []kernelLock) {
	data, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		if l, ok := parseLock(line); ok {
			locks = append(locks, l)
		}
	}
	return locks
}

// whoHas describes who has the lock that l is or waits for.
func whoHas(table []kernelLock, l kernelLock) string {
	for _, held := range table {
		if held.id == l.id && !held.waiting && held.pid > 0 {
			return fmt.Sprintf("process %d%s", held.pid, command(held.pid))
		}
	}
	return "another process"
}

// pathOf returns the path of a file that the kernel names by device and inode.
func pathOf(files []openFile, file string) string {
	for _, f := range files {
		if st := f.info(); st != nil && inodeOf(file) == inode(st) {
			return f.target
		}
	}
	return "a file"
}

// inodeOf takes the inode from a device and an inode. The device is left out: the tables of locks
// and of files do not agree on it for all file systems.
func inodeOf(file string) string { return file[strings.LastIndexByte(file, ':')+1:] }

func inode(st os.FileInfo) string {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(sys.Ino, 10)
	}
	return ""
}

// owner describes, to follow "which", who has a port.
func (u *unixSystem) owner(r resource) string {
	if r.kind != tcpPort {
		return ""
	}
	addr, err := netip.ParseAddrPort(r.name)
	if err != nil { // no host: all interfaces
		addr, err = netip.ParseAddrPort("0.0.0.0" + r.name)
	}
	if err != nil {
		return ""
	}
	return holder(context.Background(), addr.Addr(), strconv.Itoa(int(addr.Port())))
}
