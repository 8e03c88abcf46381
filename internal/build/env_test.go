package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCheckEnv(t *testing.T) {
	written := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(written, []byte("GOARCH=arm64\nCGO_ENABLED=0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name            string
		vars            map[string]string // besides the usual
		env             []string
		problem, advice string // in them
	}{
		{name: "the usual"},
		{name: "architecture", vars: map[string]string{"GOARCH": "arm64", "CGO_ENABLED": "0"}, env: []string{"GOARCH=arm64"},
			problem: `builds for linux/arm64, and this machine is linux/amd64: GOARCH is "arm64", set in the environment`, advice: "unset GOARCH"},
		{name: "both", vars: map[string]string{"GOOS": "js", "GOARCH": "wasm", "CGO_ENABLED": "0"}, env: []string{"GOOS=js", "GOARCH=wasm"},
			problem: `GOOS is "js", set in the environment; GOARCH is "wasm", set in the environment`, advice: "unset GOOS; unset GOARCH"},
		{name: "by go env -w", vars: map[string]string{"GOARCH": "arm64", "CGO_ENABLED": "0", "GOENV": written},
			problem: "set by `go env -w`", advice: "go env -u GOARCH"},
		{name: "on purpose", vars: map[string]string{"GOARCH": "arm64", "CGO_ENABLED": "1"}, env: []string{"GOARCH=arm64", "CGO_ENABLED=1"}},
		{name: "no cgo", vars: map[string]string{"CGO_ENABLED": "0"}, env: []string{"CGO_ENABLED=0"}, problem: `CGO_ENABLED is "0", set in the environment`, advice: "unset CGO_ENABLED"},
		{name: "no cgo by go env -w", vars: map[string]string{"CGO_ENABLED": "0", "GOENV": written}, problem: "set by `go env -w`", advice: "go env -u CGO_ENABLED"},
		{name: "no compiler", vars: map[string]string{"CGO_ENABLED": "0", "CC": "no-such-gcc"}, problem: `there is no C compiler, which linking a plugin needs: "no-such-gcc" is not in PATH (`, advice: "apt-get install gcc"},
		{name: "compiler with arguments", vars: map[string]string{"CC": `"cat" -pipe`}},
		{name: "no plugins there", vars: map[string]string{"GOOS": "windows", "GOHOSTOS": "windows"}, problem: "no plugins on windows/amd64", advice: "WSL"},
	}
	for _, tt := range tests {
		vars := map[string]string{"GOOS": "linux", "GOARCH": "amd64", "GOHOSTOS": "linux", "GOHOSTARCH": "amd64", "CGO_ENABLED": "1", "CC": "cat", "GOENV": "off"}
		for k, v := range tt.vars {
			vars[k] = v
		}
		problem, advice := CheckEnv(vars, append(tt.env, "PATH="+os.Getenv("PATH")))
		if (problem == "") != (tt.problem == "") || !strings.Contains(problem, tt.problem) || !strings.Contains(advice, tt.advice) {
			t.Errorf("%s: %q, %q; want %q, %q", tt.name, problem, advice, tt.problem, tt.advice)
		}
	}
}

func TestGoFlags(t *testing.T) {
	tests := []struct {
		flags    string
		vars     []variable
		unheeded []string
	}{
		{"-tags=x -race -mod=mod", nil, nil},
		{"-ldflags=-X=main.version=1.2", []variable{{"main", "version", "1.2"}}, nil},
		{`'-ldflags=-s -X "example.com/a.b/c.name=two words" --X=main.v='`, []variable{{"example.com/a.b/c", "name", "two words"}, {"main", "v", ""}}, nil},
		{"-ldflags=all=-X=main.version=1.2", []variable{{"main", "version", "1.2"}}, nil},
		{"-ldflags=-X=main.a=1 -ldflags=-X=main.b=2", []variable{{"main", "b", "2"}}, nil},
		{"-trimpath -cover=false -buildvcs=true --msan -pgo=off", nil, []string{"-trimpath", "-buildvcs=true", "--msan"}},
		{"-overlay=o.json '-toolexec=tool exec' -asmflags=all=-S", nil, []string{"-overlay=o.json", "-toolexec=tool exec", "-asmflags=all=-S"}},
		{"'-ldflags=-extldflags=-static -w' -gcflags=-m", nil, []string{"-ldflags=-extldflags=-static", "-gcflags=-m"}},
	}
	for _, tt := range tests {
		b := &Builder{env: goEnv{GOFLAGS: tt.flags}}
		if got := b.env.variables(); !slices.Equal(got, tt.vars) {
			t.Errorf("%s: sets %q, want %q", tt.flags, got, tt.vars)
		}
		if got := b.Unheeded(); !slices.Equal(got, tt.unheeded) {
			t.Errorf("%s: unheeded are %q, want %q", tt.flags, got, tt.unheeded)
		}
	}
}

// TestLinkerVariables: what -X sets holds in the executable and in each
// generation.
func TestLinkerVariables(t *testing.T) {
	for name, full := range map[string]bool{"thin": false, "full": true} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, "app.txtar", func(c *Config) {
				c.FullLink = full
				c.Env = append(os.Environ(), `GOFLAGS='-ldflags=-X=example.com/app/handlers.stamp=stamped -X=example.com/app/handlers/views.Stamp=there -X=main.stamp=wrong' -mod=mod`)
			})
			a.write("handlers/views/stamp.go", "package views\n\nvar Stamp = \"none\"\n")
			a.write("handlers/stamp.go", "package handlers\n\nvar stamp = \"none\"\n")
			a.edit("handlers/handlers.go", `"v1"`, `"v1 " + stamp + " " + views.Stamp`)
			if got := a.start(a.host().Path); !strings.HasPrefix(got, "v1 stamped there ") {
				t.Errorf("the executable says %q", got)
			}
			for _, edit := range [][3]string{{"handlers/handlers.go", `"v1 "`, `"v2 "`}, {"handlers/views/stamp.go", "none", "nothing"}, {"handlers/handlers.go", `"v2 "`, `"v3 "`}} {
				if res, got := a.swap(a.edit(edit[0], edit[1], edit[2])); !strings.Contains(got, " stamped there ") || res.Thin == full {
					t.Errorf("after %q the process says %q; thin: %t", edit, got, res.Thin)
				}
			}
		})
	}
}

// TestLineDirectives: findings stand in files that exist.
func TestLineDirectives(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	const text = "package handlers\n\n//line page.qtpl:10\nfunc page() {\n\tundefinedThing()\n}\n"
	page := a.write("handlers/page.go", text)
	fails := func(want string) {
		t.Helper()
		_, err := a.b.Plugin(t.Context(), a.plan(page), a.gen+1)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	fails(page + ":5: undefined: undefinedThing")
	source := a.write("handlers/page.qtpl", "the source")
	fails(source + ":11:")
	a.edit("handlers/handlers.go", "func AnvilRegisterRoutes", "//line yaccpar:1\nfunc AnvilRegisterRoutes")
	at, ok := FindRegister(a.snap.Package(hot))
	if _, err := os.Stat(at.File); !ok || err != nil || at.Line < 5 {
		t.Errorf("AnvilRegisterRoutes is at %s", at)
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
			b := &Builder{cfg: Config{Dir: filepath.Join(root, tt.dir), Debug: tt.debug}, env: goEnv{GOMOD: tt.mod, GOWORK: tt.work, GOOS: "linux", GOARCH: "amd64"}}
			var pattern string
			for _, f := range b.flags() {
				if p, flags, ok := strings.Cut(strings.TrimPrefix(f, "-gcflags="), "/...="); ok {
					pattern = p
					if want := strings.Join(append(b.gcflags(), own), " "); flags != want {
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
			if got := b.workspace(); got != want {
				t.Errorf("workspace %s, want %s", got, want)
			}
		})
	}
}
