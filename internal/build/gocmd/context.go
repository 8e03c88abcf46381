package gocmd

import (
	"bytes"
	"fmt"
	"go/build"
	"go/version"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// BuildContext returns what go/build chooses files by, as the go command does here.
func (t *Toolchain) BuildContext() build.Context {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = t.Env.GOOS, t.Env.GOARCH, true
	ctx.BuildTags = t.BuildTags()
	if lang := version.Lang(t.Env.GOVERSION); lang != "" { // of the toolchain, not of this program
		ctx.ReleaseTags = nil
		last, _ := strconv.Atoi(strings.TrimPrefix(lang, "go1."))
		for minor := 1; minor <= last; minor++ {
			ctx.ReleaseTags = append(ctx.ReleaseTags, fmt.Sprintf("go1.%d", minor))
		}
	}
	return ctx
}

// UsualContext is buildContext without asking the go command.
func UsualContext(tags []string) build.Context {
	ctx := build.Default
	ctx.CgoEnabled = true
	env := Env{GOFLAGS: os.Getenv("GOFLAGS")}
	ctx.BuildTags = slices.Concat([]string{HotTag}, tags, env.tags())
	return ctx
}

// FileMatch tells whether a Go file with a text belongs to its package, by its
// name and its build constraints.
type FileMatch func(path string, data []byte) (bool, error)

// Matcher returns what decides as go/build does.
func Matcher(ctx build.Context) FileMatch {
	return func(path string, data []byte) (bool, error) {
		one := ctx
		one.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		dir, name := filepath.Split(path)
		return one.MatchFile(dir, name)
	}
}
