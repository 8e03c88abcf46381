package watch

import (
	"path/filepath"
	"regexp"
)

// temporaryNames are the names that editors, tools and file systems give to files that are not for
// keeps.
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
	`|\.syncthing\..*|~syncthing~.*|.*\.sync-conflict-[0-9].*` + // Syncthing
	`|\.dropbox.*|.* \(.*conflicted copy.*\).*` + // Dropbox
	`|.*\.(?:orig|rej|bak|bck)` + // patches and merges, sed -i.bak, Helix
	`|\.tmp[0-9A-Za-z]{6}|\..*\.kak\.[0-9A-Za-z]{6}` + // Zed, Kakoune
	`|.*\.go\.(?:BACKUP|BASE|LOCAL|REMOTE)\..*` + // older git mergetool
	`|\..*\.[0-9a-zA-Z]{6,}\.tmp|.*\.tmp\.[0-9.]+` + // atomic writers
	`|\.nfs[0-9a-f]+|\.fuse_hidden[0-9a-f]+` + // removed while open
	`|\.DS_Store|\._.*` + // Finder
	`)$`)

// Temporary reports whether path is named like a file that an editor writes on the way to the real
// one. Such files never appear in a batch.
func Temporary(path string) bool { return temporaryNames.MatchString(filepath.Base(path)) }

// copyNames are the names that checkers and merge tools give to copies next to the source. The go
// command builds them, as long as they are there.
var copyNames = regexp.MustCompile(`^(?:` +
	`(?:flycheck|flymake)_.*\.go` + // emacs
	`|.*_fly(?:check|make)\.go` +
	`|.+_(?:LOCAL|REMOTE|BASE|BACKUP)_[0-9]+\.go` + // git mergetool
	`|.+[ _](?:conflicted|Conflict)[ _-].*\.go` + // Nextcloud, ownCloud
	`)$`)

// Copy reports whether path is named like a copy that a checker or a merge tool puts next to a Go
// file for a while. The go command takes it for source.
func Copy(path string) bool { return copyNames.MatchString(filepath.Base(path)) }
