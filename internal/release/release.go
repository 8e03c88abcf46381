package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// The modules of the repository, and where the runtime is in it.
const (
	toolModule    = "github.com/anvilforge/anvil-lsp"
	runtimeDir    = "hotreload"
	runtimeModule = toolModule + "/" + runtimeDir
)

// tagged is a tag and the commit that it is on.
type tagged struct{ tag, commit string }

// released is what a release consists of.
type released struct{ runtime, tool tagged }

// Errors of release.
var (
	errVersion = errors.New("version")
	errChanged = errors.New("the checkout has changes that are not committed; a release is made of HEAD")
)

// release tags HEAD of the checkout around dir as a version. It changes no file
// and no branch; if it fails, there is no new tag.
func release(ctx context.Context, dir, version string) (*released, error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version || semver.Compare(version, "v2.0.0-0") >= 0 {
		return nil, fmt.Errorf("%w: %q is not of the form v0.1.2 or v1.2.3; "+
			"from v2 on the module paths would have to end in it", errVersion, version)
	}
	root, err := checkout{dir}.git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	c := checkout{strings.TrimSpace(root)}
	if changed, err := c.git(ctx, "status", "--porcelain"); err != nil {
		return nil, err
	} else if changed != "" {
		return nil, fmt.Errorf("%w:\n%s", errChanged, strings.TrimRight(changed, "\n"))
	}
	head, err := c.git(ctx, "rev-parse", "--verify", "HEAD^{commit}")
	if err != nil {
		return nil, err
	}
	head = strings.TrimSpace(head)
	files, err := c.moduleFiles(ctx, head, version)
	if err != nil {
		return nil, err
	}
	commit, err := c.commitOnto(ctx, head, files,
		"anvil-lsp "+version+"\n\ngo.mod requires the runtime of the same version, "+
			"instead of replacing it by the\ndirectory.\n")
	if err != nil {
		return nil, err
	}
	r := &released{tagged{runtimeDir + "/" + version, head}, tagged{version, commit}}
	return r, c.createTags(ctx, r.runtime, r.tool)
}

// moduleFiles returns go.mod and go.sum as they are in a release of a revision.
func (c checkout) moduleFiles(ctx context.Context, rev, version string) (map[string][]byte, error) {
	mod, err := c.file(ctx, rev, "go.mod")
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse("go.mod", mod, nil)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(f.Replace, func(r *modfile.Replace) bool { return r.Old.Path == runtimeModule }) {
		return nil, fmt.Errorf("go.mod does not replace %s: this is no commit of the branch", runtimeModule)
	}
	if err := errors.Join(f.DropReplace(runtimeModule, ""), f.AddRequire(runtimeModule, version)); err != nil {
		return nil, err
	}
	f.Cleanup()
	if len(f.Replace) > 0 {
		return nil, fmt.Errorf("go.mod replaces %s: go install refuses that", f.Replace[0].Old.Path)
	}
	if mod, err = f.Format(); err != nil {
		return nil, err
	}
	sum, err := c.file(ctx, rev, "go.sum")
	if err != nil {
		return nil, err
	}
	lines, err := c.sums(ctx, rev, module.Version{Path: runtimeModule, Version: version})
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"go.mod": mod, "go.sum": addSums(sum, lines)}, nil
}

// addSums adds lines to a go.sum, in the order of the go command.
func addSums(sum []byte, lines []string) []byte {
	all := slices.Concat(slices.Collect(strings.Lines(string(sum))), lines)
	slices.SortStableFunc(all, func(a, b string) int {
		x, y := strings.Fields(a), strings.Fields(b)
		vx, fx, _ := strings.Cut(x[1], "/")
		vy, fy, _ := strings.Cut(y[1], "/")
		return cmp.Or(strings.Compare(x[0], y[0]), semver.Compare(vx, vy), strings.Compare(fx, fy))
	})
	return []byte(strings.Join(all, ""))
}

// commitOnto makes a commit on top of another with some files changed. No
// branch gets it, and neither the index nor the files of the checkout.
func (c checkout) commitOnto(
	ctx context.Context, parent string, files map[string][]byte, message string,
) (string, error) {
	tmp, err := os.MkdirTemp("", "anvil-release")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	index := "GIT_INDEX_FILE=" + filepath.Join(tmp, "index")
	if _, err := c.run(ctx, nil, []string{index}, "read-tree", parent); err != nil {
		return "", err
	}
	for name, data := range files {
		blob, err := c.run(ctx, data, nil, "hash-object", "-w", "--stdin")
		if err != nil {
			return "", err
		}
		if _, err := c.run(ctx, nil, []string{index}, "update-index", "--cacheinfo",
			"100644,"+strings.TrimSpace(blob)+","+name); err != nil {
			return "", err
		}
	}
	tree, err := c.run(ctx, nil, []string{index}, "write-tree")
	if err != nil {
		return "", err
	}
	commit, err := c.run(ctx, []byte(message), nil, "commit-tree", strings.TrimSpace(tree), "-p", parent)
	return strings.TrimSpace(commit), err
}

// createTags creates tags that do not exist, all or none.
func (c checkout) createTags(ctx context.Context, tags ...tagged) error {
	var b strings.Builder
	for _, t := range tags {
		fmt.Fprintf(&b, "create refs/tags/%s %s\n", t.tag, t.commit)
	}
	_, err := c.run(ctx, []byte(b.String()), nil, "update-ref", "--stdin")
	return err
}
