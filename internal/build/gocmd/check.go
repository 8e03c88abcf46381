package gocmd

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// CheckEnv says what keeps an environment from building plugins, and what to do about it, or
// nothing. vars is what `go env -json` says, env the environment that the go command ran in.
func CheckEnv(vars map[string]string, env []string) (problem, advice string) {
	set := func(name string) (where, undo string) {
		if v := lookup(env, name); v != "" {
			return "in the environment", "unset " + name
		}
		if writtenEnv(vars["GOENV"], name) {
			return "by `go env -w`", "go env -u " + name
		}
		return "", ""
	}
	cgo, undoCgo := set("CGO_ENABLED")
	foreign := vars["GOHOSTOS"] != "" && (vars["GOOS"] != vars["GOHOSTOS"] || vars["GOARCH"] != vars["GOHOSTARCH"])
	if foreign && (cgo == "" || vars["CGO_ENABLED"] != "1") { // who sets CGO_ENABLED=1 means it
		var names, undo []string
		for _, name := range []string{"GOOS", "GOARCH"} {
			if vars[name] == vars[strings.Replace(name, "GO", "GOHOST", 1)] {
				continue
			}
			where, how := set(name)
			if where == "" {
				continue
			}
			names, undo = append(names, fmt.Sprintf("%s is %q, set %s", name, vars[name], where)), append(undo, how)
		}
		return fmt.Sprintf("the go command builds for %s/%s, and this machine is %s/%s: %s",
				vars["GOOS"], vars["GOARCH"], vars["GOHOSTOS"], vars["GOHOSTARCH"], strings.Join(names, "; ")),
			"run: " + strings.Join(undo, "; ")
	}
	cc := ""
	if words := SplitQuoted(vars["CC"]); len(words) > 0 {
		cc = words[0]
	}
	path := lookup(env, "PATH")
	_, err := exec.LookPath(cc)
	switch {
	case cgo != "" && vars["CGO_ENABLED"] != "1":
		return fmt.Sprintf("Go plugins need cgo, and CGO_ENABLED is %q, set %s", vars["CGO_ENABLED"], cgo), "run: " + undoCgo
	case !pluginPlatform(vars["GOOS"], vars["GOARCH"]):
		return fmt.Sprintf("Go has no plugins on %s/%s", vars["GOOS"], vars["GOARCH"]),
			"use Linux, macOS or FreeBSD (on Windows: WSL)"
	case err != nil:
		return fmt.Sprintf("there is no C compiler, which linking a plugin needs: %q is not in PATH (%s)", cc, path),
			"install one (Debian: apt-get install gcc libc6-dev), or set CC"
	case vars["CGO_ENABLED"] != "1":
		return fmt.Sprintf("Go plugins need cgo, and the go command says that CGO_ENABLED is %q", vars["CGO_ENABLED"]),
			"set CGO_ENABLED=1"
	}
	return "", ""
}

// lookup returns a variable of an environment, of which the last entry counts.
func lookup(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// writtenEnv reports whether `go env -w` has set a variable.
func writtenEnv(file, name string) bool {
	if file == "" || file == "off" {
		return false
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, name+"=") {
			return true
		}
	}
	return false
}

// NoGoCommand says that there is no go command in PATH, and in which one.
func NoGoCommand(name string, env []string) string {
	return fmt.Sprintf("no go command: %s is not in PATH (%s)", name, lookup(env, "PATH"))
}

// NoGoAdvice is what to do about that.
const NoGoAdvice = "install Go " + manifest.OldestGo + " or newer from https://go.dev/dl, " +
	"or start the editor from a shell that has it in PATH"

// pluginPlatform tells where -buildmode=plugin exists
// (internal/platform.BuildModeSupported in the Go source).
func pluginPlatform(goos, goarch string) bool {
	switch goos {
	case "linux":
		return slices.Contains([]string{"amd64", "arm64", "arm", "386", "loong64", "riscv64", "s390x", "ppc64le"}, goarch)
	case "darwin", "freebsd":
		return goarch == "amd64" || goarch == "arm64"
	}
	return false
}

// ThinPlatform tells where plugins can be linked thin.
func ThinPlatform(goos, goarch string) bool {
	return goos == "linux" && (goarch == "amd64" || goarch == "arm64")
}
