package discover

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestAddressFromSource(t *testing.T) {
	const unknown = "?"
	env := map[string]string{"PORT": "4000", "ADDR": "127.0.0.1:7000"}
	for name, test := range map[string]struct {
		decls, body, addr string
		args              []string
		want              string
	}{
		"literal":            {addr: `"127.0.0.1:3000"`, want: "127.0.0.1:3000"},
		"none":               {addr: "", want: ""},
		"constant":           {decls: `const addr = ":" + port; const port = "3000"`, addr: "addr", want: ":3000"},
		"raw, in brackets":   {addr: "(`localhost:1`)", want: "localhost:1"},
		"local variable":     {body: `addr := "127.0.0.1:3000"`, addr: "addr", want: "127.0.0.1:3000"},
		"variable":           {decls: `var addr string = ":3000"`, addr: "addr", want: ":3000"},
		"given twice":        {body: `addr := ":1"; if x { addr = ":2" }`, addr: "addr", want: unknown},
		"written elsewhere":  {body: `addr := ":1"; env.Parse(&addr)`, addr: "addr", want: unknown},
		"no value":           {body: `var addr string`, addr: "addr", want: unknown},
		"several results":    {body: `addr, err := find()`, addr: "addr", want: unknown},
		"environment":        {addr: `os.Getenv("ADDR")`, want: "127.0.0.1:7000"},
		"environment, unset": {addr: `os.Getenv("HELLO_ADDR")`, want: ""},
		"environment, part":  {addr: `":" + os.Getenv("PORT")`, want: ":4000"},
		"first of":           {addr: `cmp.Or(os.Getenv("NONE"), os.Getenv("ALSO_NONE"), ":5000")`, want: ":5000"},
		"first of, unknown":  {addr: `cmp.Or(cfg.Addr, ":5000")`, want: unknown},
		"host and port":      {addr: `net.JoinHostPort("::1", "80")`, want: "[::1]:80"},
		"flag":               {body: `addr := flag.String("addr", ":6000", "x")`, addr: "*addr", want: ":6000"},
		"flag that is set":   {body: `addr := flag.String("addr", ":6000", "x")`, addr: "*addr", args: []string{"-v", "--addr", ":6001"}, want: ":6001"},
		"flag with =":        {body: `addr := flag.String("addr", ":6000", "x")`, addr: "*addr", args: []string{"-addr=:6002"}, want: ":6002"},
		"other flag":         {body: `addr := flag.String("addr", ":6000", "x")`, addr: "*addr", args: []string{"-add=:6002", "addr"}, want: ":6000"},
		"configuration":      {addr: "cfg.Addr", want: unknown},
		"made of itself":     {decls: "var addr = addr", addr: "addr", want: unknown},
		"set afterwards":     {body: `o.Addr = ":1"`, addr: `":2"`, want: unknown},
		"two options":        {body: `_ = hotreload.Options{}`, addr: `":2"`, want: unknown},
		"another Options":    {body: `_ = other.Options{Addr: ":9"}`, addr: `":2"`, want: ":2"},
		"number":             {addr: "8080", want: unknown},
	} {
		t.Run(name, func(t *testing.T) {
			field := ""
			if test.addr != "" {
				field = "Addr: " + test.addr + ","
			}
			src := "package main\n\nimport \"" + manifest.RuntimePath + "\"\n" + test.decls + "\nfunc main() {\n" + test.body +
				"\nhotreload.LiveServer(ctx, hotreload.Options{" + field + " Register: r})\n}\n"
			f, err := parser.ParseFile(token.NewFileSet(), "main.go", src, 0)
			if err != nil {
				t.Fatal(err)
			}
			r := addressReader{files: []*ast.File{f}, args: test.args, getenv: func(k string) string { return env[k] }}
			got, ok := r.read()
			if !ok {
				got = unknown
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			if !ok && r.unread == nil {
				t.Error("nothing says where it cannot be read")
			}
		})
	}
}
