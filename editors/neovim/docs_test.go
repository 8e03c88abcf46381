package neovim_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/lspserver"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSettingsDocumented: the help and docs/editors.md name all settings of the
// server.
func TestSettingsDocumented(t *testing.T) {
	for name, quote := range map[string]string{"doc/anvil.txt": `\b`, "../../docs/editors.md": "`"} {
		text := read(t, name)
		settings := reflect.TypeFor[lspserver.Settings]()
		for i := range settings.NumField() {
			key, _, _ := strings.Cut(settings.Field(i).Tag.Get("json"), ",")
			if !regexp.MustCompile(quote + key + quote).MatchString(text) {
				t.Errorf("%s does not name the setting %s", name, key)
			}
		}
	}
}

// TestCommandsDocumented: the help and the README name all that follows :Anvil,
// and the configuration is the same wherever it is shown.
func TestCommandsDocumented(t *testing.T) {
	help, readme := read(t, "doc/anvil.txt"), read(t, "README.md")
	lua := read(t, "lua/anvil/commands.lua")
	var verbs []string
	for _, m := range regexp.MustCompile(`(?m)^function verbs\.(\w+)`).FindAllStringSubmatch(lua, -1) {
		verbs = append(verbs, m[1])
	}
	list := regexp.MustCompile(`ipairs\(\{ ('stop'[^}]*) \}\)`).FindStringSubmatch(lua)
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list[1], -1) {
		verbs = append(verbs, m[1])
	}
	if len(verbs) < 12 {
		t.Fatalf("only %q found", verbs)
	}
	for _, verb := range verbs {
		if !regexp.MustCompile(`(?m)^:Anvil \[?` + verb + `\b`).MatchString(help) {
			t.Errorf("doc/anvil.txt does not describe :Anvil %s", verb)
		}
		if !strings.Contains(readme, verb) {
			t.Errorf("README.md does not name :Anvil %s", verb)
		}
	}
	config := regexp.MustCompile("(?s)```lua\n(?:-- init.lua\n)?(vim.opt.*?)```")
	want := config.FindStringSubmatch(readme)[1]
	if n := strings.Count(want, "\n"); n > 8 {
		t.Errorf("the configuration has %d lines, eight are promised", n)
	}
	for _, name := range []string{"../../docs/editors.md", "../../README.md"} {
		if got := config.FindStringSubmatch(read(t, name)); got == nil || got[1] != want {
			t.Errorf("%s shows another configuration than README.md", name)
		}
	}
}
