package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

// goBuild builds the program as its author would.
func (b *bench) goBuild(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	_, err := session.Output(ctx, b.dir, "go", "build", "-tags="+b.tags, "-o", b.path("app"), b.mainPackage)
	return time.Since(begun), err
}

// compilation is the command by which the go command compiles one package.
type compilation struct {
	dir, command, work string
}

// record lets the go command compile f's package, which was just edited, and
// keeps what it did. What the command reads stays below the bench's directory.
func (b *bench) record(ctx context.Context, f function) (compilation, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-x", "-work", "-tags="+b.tags, "-o", b.path("app"), b.mainPackage)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "GOTMPDIR="+b.work)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return compilation{}, fmt.Errorf("go build: %w\n%s", err, out)
	}
	path := f.pkg.ImportPath
	if f.pkg.Name == "main" {
		path = "main"
	}
	return findCompilation(string(out), path)
}

// findCompilation finds the compiler's command for a package in what go build -x
// prints.
func findCompilation(out, path string) (compilation, error) {
	var c compilation
	var dir string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if work, ok := strings.CutPrefix(line, "WORK="); ok && c.work == "" {
			c.work = work
		}
		tool, args, _ := strings.Cut(line, " ")
		if tool == "cd" {
			dir = args
		}
		if filepath.Base(tool) == "compile" && strings.Contains(args+" ", " -p "+path+" ") {
			c.dir, c.command = dir, line
		}
	}
	if c.work == "" || c.command == "" {
		return compilation{}, fmt.Errorf("go build -x shows no compilation of %s:\n%s", path, out)
	}
	return c, nil
}

// run compiles the package as its files are now.
func (c compilation) run(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+c.command) // the go command quotes for a shell
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "WORK="+c.work)
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", c.command, err, out)
	}
	return time.Since(begun), nil
}
