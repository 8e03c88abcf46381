package gocmd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Failure reports that the code is at fault, not the machine: every Diagnostic says where.
type Failure struct {
	Diagnostics []manifest.Diagnostic
}

// Error lists the diagnostics, one a line.
func (f *Failure) Error() string {
	lines := make([]string, len(f.Diagnostics))
	for i, d := range f.Diagnostics {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Is reports whether code or a module file could not be read for want of
// permission, if the target is fs.ErrPermission.
func (f *Failure) Is(target error) bool {
	return target == fs.ErrPermission && slices.ContainsFunc(f.Diagnostics, func(d manifest.Diagnostic) bool {
		return (d.Code == manifest.CodeCompile || d.Code == manifest.CodeModuleChanged) && denied(d.Message)
	})
}

// Fail returns a failure with sorted diagnostics.
func Fail(ds ...manifest.Diagnostic) *Failure {
	manifest.SortDiagnostics(ds)
	return &Failure{Diagnostics: ds}
}

// ErrDiskFull reports that the output directory has no room.
var ErrDiskFull = errors.New("no space left on the disk that holds the output directory")

// DiskFull recognises a tool's complaint about a full disk.
func DiskFull(text string) error {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "no space left on device") || strings.Contains(line, "disk quota exceeded") ||
			strings.Contains(line, "file too large") {
			return fmt.Errorf("%w: %s", ErrDiskFull, strings.TrimSpace(line))
		}
	}
	return nil
}

// denied recognises a complaint that something may not be read. It is in the words
// of a tool, or of the system, wherever it comes from.
func denied(text string) bool {
	return strings.Contains(text, "permission denied") || strings.Contains(text, "operation not permitted")
}

// errorLine matches file:line:column: message as the compiler and the go
// command write it; the column may be missing.
var errorLine = regexp.MustCompile(`^(?:go: |vet: )?((?:[A-Za-z]:)?[^:\s][^:]*):(\d+)(?::(\d+))?:\s*(.*)$`)

// ParseErrors reads the errors that a Go tool printed. Relative file names are
// relative to dir. Indented lines belong to the error before them.
func ParseErrors(dir, output string) []manifest.Diagnostic {
	var ds []manifest.Diagnostic
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "\t") && len(ds) > 0 {
			ds[len(ds)-1].Message += "\n" + line
			continue
		}
		m := errorLine.FindStringSubmatch(line)
		if m == nil || m[4] == "too many errors" || strings.HasPrefix(m[4], "note: ") ||
			strings.HasPrefix(m[4], "warning: ") {
			continue // the latter are a C compiler's
		}
		pos := manifest.Position{File: m[1]}
		if !filepath.IsAbs(pos.File) {
			pos.File = filepath.Join(dir, pos.File)
		}
		pos.Line, _ = strconv.Atoi(m[2])
		pos.Column, _ = strconv.Atoi(m[3])
		// The loader repeats the position in front of a scanner error.
		text := m[4]
		if again := errorLine.FindStringSubmatch(text); again != nil && again[2] == m[2] {
			text = again[4]
		}
		text = strings.TrimPrefix(text, "error: ")
		ds = append(ds, manifest.Diagnose(manifest.CodeCompile, pos, "%s", text))
	}
	return ds
}

// ParsePosition reads the go command's file:line:column.
func ParsePosition(dir, s string) manifest.Position {
	if s == "" {
		return manifest.Position{}
	}
	if ds := ParseErrors(dir, s+": x"); len(ds) > 0 {
		return ds[0].Position
	}
	return manifest.Position{}
}

// CodeError turns what a tool said about the user's code into a *Failure.
func (t *Toolchain) CodeError(err error, dir string) error {
	tool, ok := errors.AsType[*ToolError](err)
	if !ok {
		return err
	}
	if ds := ParseErrors(dir, tool.Output); len(ds) > 0 {
		for i := range ds {
			ds[i].Message = symbol.StripGeneration(ds[i].Message)
		}
		return Fail(ds...)
	}
	if disk := DiskFull(tool.Output); disk != nil {
		return disk
	}
	if m := cannotOpen.FindStringSubmatch(tool.Output); m != nil {
		return Unreadable(m[1], errors.New(m[2]))
	}
	return err
}

// WriteError marks a full disk.
func WriteError(err error) error {
	if disk := DiskFull(err.Error()); disk != nil {
		return disk
	}
	return fmt.Errorf("writing build files: %w", err)
}

// UnreadableFile is a source file that cannot be read, as a *Failure that says so of the file.
type UnreadableFile struct {
	*Failure
	err error
}

// Unwrap returns the *Failure and the cause.
func (e *UnreadableFile) Unwrap() []error { return []error{e.Failure, e.err} }

// Unreadable returns the error for a source file that cannot be read.
func Unreadable(path string, err error) error {
	why := err
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		why = p.Err
	}
	return &UnreadableFile{Fail(manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: path},
		"the file cannot be read: %v", why)), err}
}

// cannotOpen is the compiler's complaint about a Go file that it may not read.
var cannotOpen = regexp.MustCompile(`(?m)^(?:compile: )?open ([^\n:]+\.go): ([^\n:]+)$`)
