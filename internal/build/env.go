package build

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// CheckEnv says what keeps an environment from building plugins, and what to do
// about it, or nothing. vars is what `go env -json` says, env the environment
// that the go command ran in.
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
			vars["GOOS"], vars["GOARCH"], vars["GOHOSTOS"], vars["GOHOSTARCH"], strings.Join(names, "; ")), "run: " + strings.Join(undo, "; ")
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
		return fmt.Sprintf("Go has no plugins on %s/%s", vars["GOOS"], vars["GOARCH"]), "use Linux, macOS or FreeBSD (on Windows: WSL)"
	case err != nil:
		return fmt.Sprintf("there is no C compiler, which linking a plugin needs: %q is not in PATH (%s)", cc, path), "install one (Debian: apt-get install gcc libc6-dev), or set CC"
	case vars["CGO_ENABLED"] != "1":
		return fmt.Sprintf("Go plugins need cgo, and the go command says that CGO_ENABLED is %q", vars["CGO_ENABLED"]), "set CGO_ENABLED=1"
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
const NoGoAdvice = "install Go 1.26 or newer from https://go.dev/dl, or start the editor from a shell that has it in PATH"

// carried are the flags of GOFLAGS that hold for the live server, too, or that do
// not concern what is compiled.
var carried = []string{"tags", "race", "mod", "modfile", "modcacherw", "C", "n", "v", "x", "p", "a", "work", "json"}

// Unheeded returns the flags of GOFLAGS that the live server is built without, as
// they are written, in that order.
func (b *Builder) Unheeded() []string {
	var out []string
	for _, f := range SplitQuoted(b.env.GOFLAGS) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "-"), "=")
		switch {
		case slices.Contains(carried, name), value == "false", name == "pgo" && (value == "off" || value == "auto"), name == "buildvcs" && value == "auto":
		case name == "ldflags":
			for _, word := range linkerWords(value) {
				if !strings.HasPrefix(word, "-X=") && word != "-s" && word != "-w" { // those it is linked with anyway
					out = append(out, "-ldflags="+word)
				}
			}
		default:
			out = append(out, f)
		}
	}
	return out
}

// variable is a value that the linker gives a string variable (-X).
type variable struct{ pkg, name, value string }

// variables returns what the linker flags of GOFLAGS set. The last -ldflags
// counts, as everywhere.
func (e *goEnv) variables() []variable {
	values := e.goFlag("ldflags")
	if len(values) == 0 {
		return nil
	}
	var out []variable
	for _, word := range linkerWords(values[len(values)-1]) {
		definition, ok := strings.CutPrefix(word, "-X=")
		symbol, value, assigned := strings.Cut(definition, "=")
		dot := strings.LastIndexByte(symbol, '.')
		if ok && assigned && dot > 0 {
			out = append(out, variable{symbol[:dot], symbol[dot+1:], value})
		}
	}
	return out
}

// linkerWords returns the flags in a value of -ldflags, each as one word. A
// pattern of packages may stand before them: main is meant in any case.
func linkerWords(value string) []string {
	if pattern, rest, ok := strings.Cut(value, "="); ok && !strings.HasPrefix(value, "-") && !strings.ContainsAny(pattern, "'\" ") {
		value = rest
	}
	var out []string
	for words := SplitQuoted(value); len(words) > 0; words = words[1:] {
		word := words[0]
		if strings.HasPrefix(word, "--") {
			word = word[1:]
		}
		if word == "-X" && len(words) > 1 {
			words = words[1:]
			word += "=" + words[0]
		}
		out = append(out, word)
	}
	return out
}

// setVariables returns the linker's flags for the executable.
func (b *Builder) setVariables() []string {
	var flags []string
	for _, v := range b.env.variables() {
		flags = append(flags, "-X="+v.pkg+"."+v.name+"="+v.value)
	}
	return flags
}

// pluginVariables returns the linker's flags for a plugin, where hot packages have
// other paths. main is not in it: to the linker that is the handlers package.
func (b *Builder) pluginVariables(s *Snapshot) []string {
	var flags []string
	for _, v := range b.env.variables() {
		if v.pkg == "main" || v.pkg == s.boundary.Main {
			continue
		}
		if c, ok := s.compiled[v.pkg]; ok {
			v.pkg = c.path
		}
		flags = append(flags, "-X="+v.pkg+"."+v.name+"="+v.value)
	}
	return flags
}
