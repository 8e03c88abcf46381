package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// checked is one call of the check.
type checked struct {
	cfg     build.Config
	against *manifest.Manifest
	policy  engine.BreakPolicy
}

// checks has the program answer with a result, and returns what it was asked.
func (p *testProgram) checks(v *engine.CheckResult, err error) *checked {
	c := &checked{}
	p.checkCode = func(_ context.Context, cfg build.Config, against *manifest.Manifest, policy engine.BreakPolicy, _ build.Progress) (*engine.CheckResult, error) {
		c.cfg, c.against, c.policy = cfg, against, policy
		return v, err
	}
	return c
}

// writeManifest writes a manifest, as the engine does.
func writeManifest(t *testing.T, m *manifest.Manifest, path string) {
	t.Helper()
	m.Format = manifest.FormatVersion
	data, err := m.Encode()
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, data, 0o666)); err != nil {
		t.Fatal(err)
	}
}

func checkResultOf(rung manifest.Rung, ds ...manifest.Diagnostic) *engine.CheckResult {
	return &engine.CheckResult{Rung: rung, Diagnostics: ds, Manifest: &manifest.Manifest{Format: manifest.FormatVersion}}
}

func TestCheckExitCodes(t *testing.T) {
	broken := manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: "/x/a.go", Line: 3}, "undefined: fo")
	hint := manifest.Diagnose(manifest.CodePackageState, manifest.Position{File: "/x/a.go", Line: 3}, "starts again")
	for _, tt := range []struct {
		args   string
		result *engine.CheckResult
		err    error
		code   int
		stdout string
		stderr string
	}{
		{"check", checkResultOf(manifest.RungHotSwap), nil, 0, "hot swap  a running server would take this code", ""},
		{"check", checkResultOf(manifest.RungHotSwap, hint), nil, 0, "hint: starts again [ANV007]", ""},
		{"check", checkResultOf(manifest.RungWarmRestart), nil, 1, "warm restart", ""},
		{"check --json", checkResultOf(manifest.RungWarmRestart), nil, 1, `"rung": "warm-restart"`, ""},
		{"check", checkResultOf(manifest.RungKeep, broken), nil, 2, "/x/a.go:3: undefined: fo [ANV009]", ""},
		{"check --sarif", checkResultOf(manifest.RungKeep, broken), nil, 2, `"ruleId": "ANV009"`, ""},
		{"check", nil, fmt.Errorf("%w: no go command in PATH", build.ErrSetup), 3, "", "no go command"},
		{"check nowhere", nil, nil, 3, "", "nowhere"},
		{"check a b", nil, nil, 3, "", `unexpected argument "b"`},
		{"check --json --sarif", nil, nil, 3, "", "only one of them"},
		{"check --port 1", nil, nil, 3, "", "unknown flag: --port"},
		{"check --on-break never", nil, nil, 3, "", "it is restart, ask, keep or swap"},
		{"check --against none.json", nil, nil, 3, "", "none.json: no such file"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := newProgram(t, nil)
			p.checks(tt.result, tt.err)
			code := p.run(t.Context(), strings.Fields(tt.args))
			if code != tt.code || !strings.Contains(p.stdout.String(), tt.stdout) || !strings.Contains(p.stderr.String(), tt.stderr) || tt.stderr == "" && p.stderr.String() != "" {
				t.Errorf("exit code %d, want %d\n%s\n%s", code, tt.code, p.stdout, p.stderr)
			}
		})
	}
}

func TestCheckAgainst(t *testing.T) {
	p := newProgram(t, nil)
	asked := p.checks(checkResultOf(manifest.RungHotSwap), nil)
	run := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		p.stdout.Reset()
		p.stderr.Reset()
		*asked = checked{}
		if got := p.run(t.Context(), append([]string{"check"}, args...)); got != code || !strings.Contains(p.stdout.String(), stdout) || !strings.Contains(p.stderr.String(), stderr) {
			t.Errorf("%q: exit code %d, want %d\n%s\n%s", args, got, code, p.stdout, p.stderr)
		}
	}
	run(0, "no manifest to compare with", "")
	if asked.against != nil {
		t.Errorf("compared with %+v", asked.against)
	}
	live := engine.ManifestPath(p.dir)
	writeManifest(t, &manifest.Manifest{Generation: 7}, live)
	writeManifest(t, &manifest.Manifest{Generation: 3}, filepath.Join(p.dir, "deployed.json"))
	run(0, "compared with generation 7 in .anvil/manifest.json", "", "--tags", "a,b", "--race", "--main", "cmd/x")
	want := build.Config{Dir: p.dir, Main: "cmd/x", Tags: []string{"a", "b"}, Race: true}
	if asked.against == nil || asked.against.Generation != 7 || !reflect.DeepEqual(asked.cfg, want) {
		t.Errorf("asked %+v", asked)
	}
	run(0, "compared with generation 3 in deployed.json", "", "--against", "deployed.json", "--on-break", "swap", p.dir)
	if asked.policy != engine.BreakSwap {
		t.Errorf("asked %+v", asked)
	}
	if err := os.WriteFile(live, []byte(`{"format":0}`), 0o666); err != nil {
		t.Fatal(err)
	}
	run(3, "", "format 0, this version reads 1; the next generation that goes live replaces it")
	run(3, "", "format 0, this version reads 1", "--against", live)
	run(0, "", "", "--against", "deployed.json")
	if err := os.WriteFile(live, []byte(`{`), 0o666); err != nil {
		t.Fatal(err)
	}
	run(3, "", "unusable manifest")
}

// TestCheckReports: everything of the result is in the JSON, and what cannot be
// known is in the text.
func TestCheckReports(t *testing.T) {
	p := newProgram(t, nil)
	at := manifest.Position{File: filepath.Join(p.dir, "handlers", "routes.go"), Line: 9, Column: 2}
	v := checkResultOf(manifest.RungHotSwap)
	v.Unknown = []source.Unknown{{Position: at, Call: "Get", Reason: "the pattern comes from a database"}}
	p.checks(v, nil)
	if code := p.run(t.Context(), []string{"check"}); code != 0 || !strings.Contains(p.stdout.String(), "handlers/routes.go:9:2: Get cannot be followed from source: the pattern comes from a database\n") {
		t.Errorf("exit code %d, %s", code, p.stdout)
	}
	p.stdout.Reset()
	if code := p.run(t.Context(), []string{"check", "--json"}); code != 0 {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
	dec := json.NewDecoder(strings.NewReader(p.stdout.String()))
	dec.DisallowUnknownFields()
	var got checkResult
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := checkResult{
		Rung: manifest.RungHotSwap, Diagnostics: []manifest.Diagnostic{}, Manifest: v.Manifest,
		Unknown: []unknownRegistration{{Position: at, Call: "Get", Reason: "the pattern comes from a database"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("printed %s", p.stdout)
	}
}

// TestCheckLeavesNothing: whatever becomes of the check, its directory is gone.
func TestCheckLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dir := t.TempDir()
	v, err := checkCode(t.Context(), build.Config{Dir: dir}, nil, engine.BreakRestart, nil)
	if err == nil && v.Rung != manifest.RungKeep {
		t.Errorf("an empty directory is a program: %+v", v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := checkCode(ctx, build.Config{Dir: dir}, nil, engine.BreakRestart, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, d := range []string{tmp, dir} {
		if left, err := os.ReadDir(d); err != nil || len(left) > 0 {
			t.Errorf("left %v in %s, %v", left, d, err)
		}
	}
}

// TestCheckOfAnotherProgram: where a directory has several programs, the one that
// is checked is not compared with what another of them registered.
func TestCheckOfAnotherProgram(t *testing.T) {
	const api, admin = "example.com/shop/cmd/api", "example.com/shop/cmd/admin"
	host := func(paths ...string) (out []manifest.Package) {
		for _, path := range paths {
			out = append(out, manifest.Package{Path: path, Hash: "x"})
		}
		return out
	}
	for _, tt := range []struct {
		name     string
		was      []manifest.Package
		named    bool // with --against
		compared bool
	}{
		{"the same", host(api, "example.com/shop/store"), false, true},
		{"another", host(admin, "example.com/shop/store"), false, false},
		{"another with a name that ends alike", host("example.com/shop/old/cmd/api"), false, false},
		{"another that the user names", host(admin), true, true},
		{"a manifest that does not say", nil, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, nil)
			v := checkResultOf(manifest.RungHotSwap)
			v.Main = api
			var against []*manifest.Manifest
			p.checkCode = func(_ context.Context, _ build.Config, m *manifest.Manifest, _ engine.BreakPolicy, _ build.Progress) (*engine.CheckResult, error) {
				against = append(against, m)
				return v, nil
			}
			file := engine.ManifestPath(p.dir)
			args := []string{"check", p.dir}
			if tt.named {
				file = filepath.Join(p.dir, "deployed.json")
				args = append(args, "--against", file)
			}
			writeManifest(t, &manifest.Manifest{Generation: 7, Host: tt.was}, file)
			code := p.program.run(t.Context(), args)
			if last := against[len(against)-1]; code != 0 || (last != nil) != tt.compared {
				t.Errorf("exit code %d, compared with %v", code, last)
			}
			if said := strings.Contains(p.stdout.String(), "another program"); said == tt.compared {
				t.Errorf("it says\n%s", p.stdout)
			}
		})
	}
}
