package golist

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// EmbedMatches reports whether an embed pattern takes a file, given by its slash-separated name
// relative to the package. A pattern matches the file itself or a directory above it; files below a
// matched directory are left out if an element of their name below it begins with '.' or '_',
// unless the pattern begins with all:.
func EmbedMatches(pattern, name string) bool {
	pattern, all := strings.CutPrefix(pattern, "all:")
	for prefix := name; ; prefix = path.Dir(prefix) {
		if ok, _ := path.Match(pattern, prefix); ok {
			below := name
			if prefix != "." {
				below = strings.TrimPrefix(strings.TrimPrefix(name, prefix), "/")
			}
			return all || !hidden(below)
		}
		if prefix == "." || prefix == "/" {
			return false
		}
	}
}

// embedLeads reports whether a directory, given by its slash-separated name
// relative to the package, is above what an embed pattern may match.
func embedLeads(pattern, name string) bool {
	elems := strings.Split(strings.TrimPrefix(pattern, "all:"), "/")
	n := strings.Count(name, "/") + 1
	if n >= len(elems) {
		return false
	}
	ok, _ := path.Match(strings.Join(elems[:n], "/"), name)
	return ok
}

func hidden(name string) bool {
	for elem := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(elem, ".") || strings.HasPrefix(elem, "_") {
			return true
		}
	}
	return false
}

// embedDirs returns the directories in which there is, or may come to be, what
// local packages embed.
func embedDirs(g *Graph) []string {
	set := map[string]bool{}
	for _, p := range g.Packages {
		if !p.Local() {
			continue
		}
		for _, f := range p.EmbedFiles {
			// Every directory between the file and the package: a new file or
			// directory in any of them may be embedded too.
			for d := filepath.Dir(filepath.Join(p.Dir, f)); len(d) > len(p.Dir); d = filepath.Dir(d) {
				set[d] = true
			}
		}
		for _, pattern := range p.EmbedPatterns {
			for _, d := range patternDirs(p.Dir, pattern) {
				set[d] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// patternDirs returns the directories below dir in which an embed pattern looks
// for files. Those that do not exist yet lead to it when they appear.
func patternDirs(dir, pattern string) []string {
	pattern, all := strings.CutPrefix(pattern, "all:")
	var out []string
	at := []string{dir}
	for elem := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, d := range at {
			found, _ := filepath.Glob(filepath.Join(globQuote(d), elem)) // the go command reports a bad pattern
			next = append(next, slices.DeleteFunc(found, func(f string) bool {
				info, err := os.Lstat(f)
				return err != nil || !info.IsDir()
			})...)
		}
		out = append(out, next...)
		at = next
	}
	for _, root := range at { // a directory stands for all that is in it
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil || !e.IsDir():
			case path != root && !all && hidden(e.Name()):
				return fs.SkipDir
			default:
				out = append(out, path)
			}
			return nil
		})
	}
	return out
}

// globQuote returns a pattern that matches a path and nothing else.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Embeds reports whether the package would embed a file of this name, or a file
// in a directory of this name.
func (p *Package) Embeds(path string) bool {
	if len(p.EmbedPatterns) == 0 {
		return false
	}
	rel, err := filepath.Rel(p.Dir, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return false
	}
	return slices.ContainsFunc(p.EmbedPatterns, func(pattern string) bool {
		return EmbedMatches(pattern, filepath.ToSlash(rel)) || embedLeads(pattern, filepath.ToSlash(rel))
	})
}

// noMatch is the go command's complaint about an embed pattern.
var noMatch = regexp.MustCompile(`pattern (\S+): (?:no matching files found|` +
	`cannot embed directory \S+: contains no embeddable files)`)

// unmatched returns the pattern if that is what is wrong with a package: nothing
// matches what it embeds.
func unmatched(p *Package) (pattern string, ok bool) {
	if p.Error == nil {
		return "", false
	}
	m := noMatch.FindStringSubmatch(p.Error.Err)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Unmatched returns the first embed pattern that matches nothing; none if
// anything else is wrong with the graph, too.
func (g *Graph) Unmatched() string {
	first := ""
	for _, path := range g.Order {
		p := g.Packages[path]
		if p.Error == nil {
			continue
		}
		pattern, ok := unmatched(p)
		if !ok {
			return ""
		}
		first = cmp.Or(first, pattern)
	}
	return first
}

// Outdated reports whether an embed pattern that matched nothing has a match by
// now: what it waits for came while the go command was at work.
func (g *Graph) Outdated() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(g.Packages)), func(p *Package) bool {
		pattern, ok := unmatched(p)
		if !ok || !strings.HasSuffix(p.Error.Err, "no matching files found") {
			return false
		}
		found, err := filepath.Glob(filepath.Join(globQuote(p.Dir), strings.TrimPrefix(pattern, "all:")))
		return err == nil && len(found) > 0
	})
}
