package cli

import (
	"os"
	"path/filepath"
)

// searchDirs returns the directories that may be the one of the application that the user means,
// the most likely first: the one that was named, else the current one and those above it. An
// application's directory is in a module, or has a go.work that joins modules, so nothing above
// that is looked at. Without either, the search ends at the home directory and at the border of the
// file system. What is above belongs to others, as a directory for temporary files does.
func (p *program) searchDirs(named string) []string {
	dir := p.abs(named)
	if named != "" {
		return []string{dir}
	}
	home, _ := os.UserHomeDir() // none: no such border
	var dirs []string
	module := 0 // how many there are up to the module's; 0: no module yet
	for {
		dirs = append(dirs, dir)
		if isFile(filepath.Join(dir, "go.work")) {
			return dirs
		}
		if module == 0 && isFile(filepath.Join(dir, "go.mod")) {
			module = len(dirs)
		}
		above := filepath.Dir(dir)
		if above == dir || dir == home || !sameFileSystem(dir, above) {
			break
		}
		dir = above
	}
	if module > 0 {
		return dirs[:module]
	}
	return dirs
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
