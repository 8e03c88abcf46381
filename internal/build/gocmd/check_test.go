package gocmd

import (
	"os"
	"path/filepath"
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
