//go:build anvilhot

package plugins

import (
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// LinesOf returns what the engine has told of the lines of a plugin or, if the
// path is empty, of the executable. Without it, places are those that //line
// directives say.
func LinesOf(plugin string) manifest.Lines {
	if plugin == "" {
		plugin, _ = os.Executable()
	}
	lines, err := control.ReadLines(plugin)
	if err != nil {
		slog.Warn("hotreload: places are as //line directives have them", "error", err)
	}
	return lines
}

// MadeAt returns when a plugin was made or, if the path is empty, the executable;
// zero if it is not known.
func MadeAt(plugin string) time.Time {
	if plugin == "" {
		plugin, _ = os.Executable()
	}
	info, err := os.Stat(plugin)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// ResidentBytes returns the memory that the process takes, 0 where /proc does
// not tell.
func ResidentBytes() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
