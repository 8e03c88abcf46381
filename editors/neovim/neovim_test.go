// Package neovim_test has Neovim run the plugin against a server that is made
// of answers, and against the real one.
package neovim_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// envServer makes the test binary the server.
const envServer = "ANVIL_NEOVIM_FAKE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(envServer) != "" {
		if len(os.Args) > 1 { // version
			fmt.Println("anvil-lsp made of answers")
			return
		}
		if err := (&fake{in: bufio.NewReader(os.Stdin), state: "live", generation: 3}).serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(harness.Main(m))
}

func TestPlugin(t *testing.T) {
	nvim := testkit.Program(t, "nvim", "apt-get install neovim")
	script, err := filepath.Abs(filepath.FromSlash("test/plugin.lua"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, "app")
	testkit.WriteTree(t, dir, map[string]string{
		"go.mod": "module example.com/app\n", "handlers/other.go": "package handlers\n",
		"handlers/routes.go": "package handlers\n\nfunc AnvilRegisterRoutes() {\n}\n",
		"../other/go.mod":    "module example.com/other\n", "../other/o.go": "package other\n",
		"../modcache/example.com/required@v1.0.0/go.mod": "module example.com/required\n", "../modcache/example.com/required@v1.0.0/a.go": "package required\n",
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // nothing of the user's
	cmd := exec.CommandContext(t.Context(), nvim, "--headless", "-n", "-i", "NONE", "-u", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), envServer+"=1", "GOMODCACHE="+filepath.Join(dir, "..", "modcache"), "ANVIL_TEST_SERVER="+self,
		"XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "XDG_STATE_HOME="+home, "XDG_CACHE_HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("\nPASS\n")) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// fake is a language server with an application that is made up.
type fake struct {
	in         *bufio.Reader
	folder     string
	state      string
	generation int
	problems   int
	paused     bool
	asked      int
}

type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

func (f *fake) serve() error {
	for {
		m, err := f.read()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		switch m.Method {
		case "exit":
			return nil
		case "initialized":
			f.tell()
		}
		if m.ID == nil || m.Method == "" {
			continue
		}
		if result, err := f.answer(m); err != nil {
			f.write(map[string]any{"id": m.ID, "error": map[string]any{"code": -32803, "message": err.Error()}})
		} else {
			f.write(map[string]any{"id": m.ID, "result": result})
		}
	}
}

func (f *fake) answer(m *message) (any, error) {
	switch m.Method {
	case "initialize":
		var p struct {
			RootURI string
			Options struct {
				OnSave         string
				ClientCommands bool
			} `json:"initializationOptions"`
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			return nil, err
		}
		if p.Options.OnSave != "noErrors" || !p.Options.ClientCommands {
			return nil, fmt.Errorf("initializationOptions are %s", m.Params)
		}
		f.folder = p.RootURI
		return map[string]any{"capabilities": map[string]any{
			"textDocumentSync": 2, "codeLensProvider": map[string]any{},
			"executeCommandProvider": map[string]any{"commands": []string{"anvil.openRoute"}},
		}}, nil
	case "textDocument/codeLens":
		place := map[string]int{"line": 0, "character": 0}
		command := map[int]string{5: "anvil.showLog", 6: "anvil.showRoutes"}[f.generation]
		return []any{map[string]any{
			"range": map[string]any{"start": place, "end": place},
			"command": map[string]any{
				"title": "gen " + strconv.Itoa(f.generation), "command": cmp.Or(command, "anvil.openRoute"),
				"arguments": []any{map[string]string{"folder": f.folder, "method": "GET", "pattern": "/"}},
			},
		}}, nil
	case "anvil/routes":
		at := func(line int) map[string]any {
			place := map[string]int{"line": line, "character": 1}
			if line == 0 { // registered in a mounted handler: nowhere that is known
				return map[string]any{"uri": "", "range": map[string]any{"start": place, "end": place}}
			}
			return map[string]any{"uri": f.folder + "/handlers/routes.go", "range": map[string]any{"start": place, "end": place}}
		}
		return map[string]any{"routes": []any{
			map[string]any{"folder": f.folder, "method": "GET", "pattern": "/", "handler": "handlers.home", "location": at(3), "panic": map[string]any{"message": "oops"},
				"stats": map[string]any{"requests": 12, "errors": 1, "p50Ms": 1.812, "lastStatus": 500}},
			map[string]any{"folder": f.folder, "method": "GET", "pattern": "/posts/{id}", "handler": "handlers.show", "location": at(4), "pending": true},
			map[string]any{"folder": f.folder + "/shop", "method": "GET", "pattern": "/p/{id:[0-9]{4}}/x/*", "handler": "shop.show", "location": at(0)},
		}}, nil
	case "anvil/log":
		return map[string]string{"text": "listening\n"}, nil
	case "workspace/executeCommand":
		return f.execute(m.Params)
	}
	return nil, nil
}

func (f *fake) execute(params json.RawMessage) (any, error) {
	var p struct {
		Command   string
		Arguments []struct {
			Folder, Method, Pattern, Path string
			Generation                    int
		}
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, err
	}
	arg := p.Arguments[0]
	switch p.Command {
	case "anvil.reload":
		f.generation++
	case "anvil.rollback":
		f.generation = arg.Generation
	case "anvil.pause":
		f.paused, f.problems, f.state = true, 2, "kept"
	case "anvil.resume":
		f.paused = false
	case "anvil.openRoute":
		host := "http://127.0.0.1:8080"
		if arg.Folder != f.folder {
			host = "http://127.0.0.1:8081"
		}
		f.request("window/showDocument", map[string]any{"uri": host + cmp.Or(arg.Path, arg.Pattern), "external": true})
		return nil, nil
	case "anvil.showManifestDiff":
		return map[string]string{"text": "+ GET /new\n"}, nil
	default:
		return nil, fmt.Errorf("go vet says no")
	}
	f.tell()
	f.request("workspace/codeLens/refresh", nil)
	return nil, nil
}

func (f *fake) tell() {
	f.write(map[string]any{"method": "anvil/status", "params": map[string]any{
		"folder": f.folder, "state": f.state, "generation": f.generation, "url": "http://127.0.0.1:8080", "lastMs": 64.2,
		"problems": f.problems, "paused": f.paused,
	}})
}

func (f *fake) request(method string, params any) {
	f.asked++
	f.write(map[string]any{"id": f.asked, "method": method, "params": params})
}

func (f *fake) read() (*message, error) {
	header, err := textproto.NewReader(f.in).ReadMIMEHeader()
	if err != nil {
		if len(header) == 0 && strings.Contains(err.Error(), "EOF") {
			return nil, io.EOF
		}
		return nil, err
	}
	n, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return nil, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(f.in, body); err != nil {
		return nil, err
	}
	var m message
	return &m, json.Unmarshal(body, &m)
}

func (f *fake) write(m map[string]any) {
	m["jsonrpc"] = "2.0"
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	fmt.Printf("Content-Length: %d\r\n\r\n%s", len(body), body)
}
