package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// checkout is a git checkout, by its directory.
type checkout struct{ dir string }

func (c checkout) git(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, nil, nil, args...)
}

func (c checkout) run(ctx context.Context, stdin []byte, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.dir, append(os.Environ(), env...), bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}

// file returns a file of a revision.
func (c checkout) file(ctx context.Context, rev, name string) ([]byte, error) {
	out, err := c.git(ctx, "show", rev+":"+name)
	return []byte(out), err
}

// sums returns the lines of go.sum about the runtime of a revision, as the go
// command will find it when it is tagged with the version.
func (c checkout) sums(ctx context.Context, rev string, m module.Version) ([]string, error) {
	tmp, err := os.MkdirTemp("", "anvil-release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	name := filepath.Join(tmp, "module.zip")
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	err = c.zip(ctx, f, rev, runtimeDir, m)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	content, err := dirhash.HashZip(name, dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	mod, err := c.file(ctx, rev, runtimeDir+"/go.mod")
	if err != nil {
		return nil, err
	}
	modOnly, err := dirhash.Hash1([]string{"go.mod"},
		func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(mod)), nil })
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%s %s %s\n", m.Path, m.Version, content),
		fmt.Sprintf("%s %s/go.mod %s\n", m.Path, m.Version, modOnly),
	}, nil
}

// zip writes the module in a directory of a revision as the go command does, which also asks git
// for an archive. (x/mod's CreateFromVCS refuses a checkout that git worktree made.)
func (c checkout) zip(ctx context.Context, w io.Writer, rev, dir string, m module.Version) error {
	args := []string{"-c", "core.autocrlf=input", "-c", "core.eol=lf", "archive", "--format=zip", rev}
	if dir != "" {
		args = append(args, "--", dir)
	}
	out, err := c.git(ctx, args...)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(strings.NewReader(out), int64(len(out)))
	if err != nil {
		return err
	}
	var files []modzip.File
	for _, f := range archive.File {
		if name, ok := strings.CutPrefix(f.Name, strings.TrimPrefix(dir+"/", "/")); ok && !f.FileInfo().IsDir() {
			files = append(files, archived{f, name})
		}
	}
	return modzip.Create(w, m, files)
}

// archived is a file of an archive, by the name that it has in its module.
type archived struct {
	*zip.File
	name string
}

func (f archived) Path() string                 { return f.name }
func (f archived) Lstat() (os.FileInfo, error)  { return f.FileInfo(), nil }
func (f archived) Open() (io.ReadCloser, error) { return f.File.Open() }
