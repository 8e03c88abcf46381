package gopls

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// hasDescendant reports whether a process of a name was started by the process
// with an id, or by one that it has started, as /proc tells (proc(5)).
func hasDescendant(pid int, name string) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return false
	}
	parent := map[int]int{}
	var named []int
	for _, file := range stats {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// "4711 (the name) S 42 …"; the name may hold anything.
		open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
		if open < 1 || end < open {
			continue
		}
		fields := bytes.Fields(data[end+1:])
		id, err := strconv.Atoi(string(bytes.TrimSpace(data[:open])))
		if err != nil || len(fields) < 2 {
			continue
		}
		parent[id], _ = strconv.Atoi(string(fields[1]))
		if string(data[open+1:end]) == name {
			named = append(named, id)
		}
	}
	for _, id := range named {
		for steps := 0; id > 1 && steps < len(parent); steps++ {
			if id = parent[id]; id == pid {
				return true
			}
		}
	}
	return false
}
