package watch

import (
	"path/filepath"
	"regexp"
)

// temporaryNames are the names that editors, tools and file systems give to
// files that are not for keeps.
var temporaryNames = regexp.MustCompile(`^(?:` +
	`4913|5036|5159|5282` + // vim tests whether it may create a file: 4913, or the next one that is free
	`|.*~` + // backup of vim, emacs, gedit
	`|\..*\.sw[a-px]` + // vim swap: .x.go.swp, .swo … .swx
	`|.*___jb_(?:tmp|old|bak)___` + // JetBrains safe write
	`|\.#.*|#.*#` + // emacs lock and auto-save
	`|\.goutputstream-.*` + // gedit and everything on GIO
	`|.*\.kate-swp` + // kate
	`|sed[A-Za-z0-9]{6}` + // sed -i
	`|.*\.go\.[0-9]+` + // gofmt -w keeps a copy while it writes
	`|\..*\.[0-9a-zA-Z]{6,}\.tmp|.*\.tmp\.[0-9.]+` + // atomic writers
	`|\.nfs[0-9a-f]+|\.fuse_hidden[0-9a-f]+` + // removed while open
	`|\.DS_Store|\._.*` + // Finder
	`)$`)

// Temporary reports whether path is named like a file that an editor writes on
// the way to the real one. Such files never appear in a batch.
func Temporary(path string) bool { return temporaryNames.MatchString(filepath.Base(path)) }
