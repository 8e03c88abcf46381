package gocmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGoFlags(t *testing.T) {
	tests := []struct {
		flags    string
		vars     []Variable
		unheeded []string
	}{
		{"-tags=x -race -mod=mod", nil, nil},
		{"-ldflags=-X=main.version=1.2", []Variable{{"main", "version", "1.2"}}, nil},
		{`'-ldflags=-s -X "example.com/a.b/c.name=two words" --X=main.v='`, []Variable{{"example.com/a.b/c", "name", "two words"}, {"main", "v", ""}}, nil},
		{"-ldflags=all=-X=main.version=1.2", []Variable{{"main", "version", "1.2"}}, nil},
		{"-ldflags=-X=main.a=1 -ldflags=-X=main.b=2", []Variable{{"main", "b", "2"}}, nil},
		{"-trimpath -cover=false -buildvcs=true --msan -pgo=off", nil, []string{"-trimpath", "-buildvcs=true", "--msan"}},
		{"-overlay=o.json '-toolexec=tool exec' -asmflags=all=-S", nil, []string{"-overlay=o.json", "-toolexec=tool exec", "-asmflags=all=-S"}},
		{"'-ldflags=-extldflags=-static -w' -gcflags=-m", nil, []string{"-ldflags=-extldflags=-static", "-gcflags=-m"}},
	}
	for _, tt := range tests {
		tc := &Toolchain{Env: Env{GOFLAGS: tt.flags}}
		if got := tc.Env.Variables(); !slices.Equal(got, tt.vars) {
			t.Errorf("%s: sets %q, want %q", tt.flags, got, tt.vars)
		}
		if got := tc.Unheeded(); !slices.Equal(got, tt.unheeded) {
			t.Errorf("%s: unheeded are %q, want %q", tt.flags, got, tt.unheeded)
		}
	}
}

// TestOwnFlags: packages of the workspace are compiled in the same way by the go command
// and by direct calls of the compiler, wherever in it the program is.
func TestOwnFlags(t *testing.T) {
	const own = "-d=inlfuncswithclosures=0"
	root := t.TempDir()
	mod, work := filepath.Join(root, "web", "go.mod"), filepath.Join(root, "go.work")
	tests := []struct {
		name, dir, mod, work string
		debug                bool
		pattern, workspace   string // empty: there is none
	}{
		{"in the module's root", "web", mod, "", false, "./.", "web"},
		{"below it", "web/cmd/app", mod, "off", false, "./../..", "web"},
		{"in a workspace", "web", mod, work, false, "./..", "."},
		{"without a module", "web", os.DevNull, "", false, "", ""},
		{"for a debugger", "web", mod, "", true, "", "web"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tc := &Toolchain{Settings: Settings{Dir: filepath.Join(root, tt.dir), Debug: tt.debug}, Env: Env{GOMOD: tt.mod, GOWORK: tt.work, GOOS: "linux", GOARCH: "amd64"}}
			var pattern string
			for _, f := range tc.Flags() {
				if p, flags, ok := strings.Cut(strings.TrimPrefix(f, "-gcflags="), "/...="); ok {
					pattern = p
					if want := strings.Join(append(tc.CompilerFlags(), own), " "); flags != want {
						t.Errorf("flags %s, want %s", flags, want)
					}
				}
			}
			if pattern != tt.pattern {
				t.Errorf("pattern %s, want %s", pattern, tt.pattern)
			}
			want := ""
			if tt.workspace != "" {
				want = filepath.Join(root, tt.workspace)
			}
			if got := tc.Workspace(); got != want {
				t.Errorf("workspace %s, want %s", got, want)
			}
		})
	}
}

func TestSplitQuoted(t *testing.T) {
	for in, want := range map[string][]string{
		"":                          nil,
		" -tags=foo  -race\t":       {"-tags=foo", "-race"},
		"'-tags=foo bar' -race":     {"-tags=foo bar", "-race"},
		`"-tags=foo,bar"-race`:      {"-tags=foo,bar", "-race"},
		`-ldflags='-X a=b'`:         {"-ldflags='-X", "a=b'"},
		`"/opt/my tools/gcc" -pipe`: {"/opt/my tools/gcc", "-pipe"},
		`'-never closed`:            {"-never closed"},
	} {
		if got := SplitQuoted(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for flags, want := range map[string][]string{"": nil, "'-tags=foo bar'": {"foo", "bar"}, `"-tags=foo,bar"`: {"foo", "bar"}, "-tags=a -mod=mod --tags=b": {"b"}, "-tags=": nil} {
		if got := (&Env{GOFLAGS: flags}).tags(); !slices.Equal(got, want) {
			t.Errorf("%s: tags %q, want %q", flags, got, want)
		}
	}
}
