package manifest

import (
	"encoding/json"
	"testing"
)

func sample() *Manifest {
	return &Manifest{
		Format: FormatVersion, ABI: 1, Toolchain: "go1.26 linux/amd64", Generation: 3, Handlers: "example.com/shop/handlers",
		Routes: []Route{
			{Method: "GET", Pattern: "/", Handler: "handlers.home", Signature: "func(*hotreload.Ctx) error", Fingerprint: "1", Position: Position{File: "/a.go", Line: 3}},
			{Method: "GET", Pattern: "/old", Handler: "handlers.old", Fingerprint: "2"},
			{Method: "POST", Pattern: "/cart", Handler: "handlers.add", Signature: "func(*hotreload.Ctx, handlers.Item) error", Fingerprint: "3"},
		},
		State:      []State{{Key: "cart", Type: "handlers.Cart", Fingerprint: "4"}, {Key: "hits", Type: "int", Fingerprint: "5"}},
		Registered: []string{"a"},
		Host:       []Package{{Path: "example.com/shop", Hash: "6"}, {Path: "example.com/shop/store", Hash: "7"}},
		Hot:        []string{"example.com/shop/handlers"},
	}
}

// TestDiffSame: the generation, the order and the places of registration are no
// difference.
func TestDiffSame(t *testing.T) {
	from, to := sample(), sample()
	to.Generation = 9
	to.Routes[0].Position.Line = 300
	to.Routes[0], to.Routes[2] = to.Routes[2], to.Routes[0]
	to.Hot = append([]string{}, to.Hot...)
	if c := Diff(from, to); !c.Empty() {
		t.Errorf("differences between equals: %+v", c)
	}
	if c := Diff(&Manifest{}, &Manifest{Routes: []Route{}}); !c.Empty() {
		t.Errorf("an empty list is a difference from none: %+v", c)
	}
}

// TestDiffMount: a Mount and a route for every method may have the same pattern.
func TestDiffMount(t *testing.T) {
	handle, mount := Route{Method: AnyMethod, Pattern: "/admin", Fingerprint: "1"}, Route{Method: AnyMethod, Pattern: "/admin", Mount: true, Fingerprint: "2"}
	from, to := &Manifest{Routes: []Route{handle, mount}}, &Manifest{Routes: []Route{mount, handle}}
	if c := Diff(from, to); !c.Empty() {
		t.Errorf("differences between equals: %+v", c)
	}
	to.Sort()
	if to.Routes[0].Mount {
		t.Errorf("sorted as %+v", to.Routes)
	}
	to.Routes = to.Routes[:1]
	if c := Diff(from, to); len(c.Routes) != 1 || !c.Routes[0].Old.Mount {
		t.Errorf("without the Mount: %+v", c)
	}
}

// TestDiffModules: modules that were not recorded are not compared.
func TestDiffModules(t *testing.T) {
	from, to := &Manifest{Modules: []string{"a@v1 go1.26"}, GODEBUG: "x=0"}, &Manifest{Modules: []string{"a@v2 go1.26"}}
	if c := Diff(from, to); len(c.Modules) != 2 || c.GODEBUG == nil || c.Empty() {
		t.Errorf("other modules: %+v", c)
	}
	if c := Diff(from, from); !c.Empty() {
		t.Errorf("the same: %+v", c)
	}
	if c := Diff(&Manifest{}, to); !c.Empty() {
		t.Errorf("not recorded: %+v", c)
	}
}

func TestDiff(t *testing.T) {
	from, to := sample(), sample()
	to.ABI = 2
	to.Toolchain = "go1.27 linux/amd64"
	to.Handlers = "example.com/shop/web"
	to.Routes[1] = Route{Method: "DELETE", Pattern: "/cart", Handler: "handlers.drop"}
	to.Routes[2].Fingerprint = "33"
	to.State = []State{{Key: "cart", Type: "handlers.Cart", Fingerprint: "44"}}
	to.Registered = []string{"a", "b"}
	to.Host[1].Hash = "77"
	to.Hot = []string{"example.com/shop/web"}
	c := Diff(from, to)
	if c.Empty() {
		t.Error("no difference")
	}
	got, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "abi": {
  "old": 1,
  "new": 2
 },
 "toolchain": {
  "old": "go1.26 linux/amd64",
  "new": "go1.27 linux/amd64"
 },
 "handlers": {
  "old": "example.com/shop/handlers",
  "new": "example.com/shop/web"
 },
 "routes": [
  {
   "new": {
    "method": "DELETE",
    "pattern": "/cart",
    "handler": "handlers.drop",
    "kind": "",
    "signature": "",
    "fingerprint": "",
    "position": {}
   }
  },
  {
   "old": {
    "method": "POST",
    "pattern": "/cart",
    "handler": "handlers.add",
    "kind": "",
    "signature": "func(*hotreload.Ctx, handlers.Item) error",
    "fingerprint": "3",
    "position": {}
   },
   "new": {
    "method": "POST",
    "pattern": "/cart",
    "handler": "handlers.add",
    "kind": "",
    "signature": "func(*hotreload.Ctx, handlers.Item) error",
    "fingerprint": "33",
    "position": {}
   }
  },
  {
   "old": {
    "method": "GET",
    "pattern": "/old",
    "handler": "handlers.old",
    "kind": "",
    "signature": "",
    "fingerprint": "2",
    "position": {}
   }
  }
 ],
 "state": [
  {
   "old": {
    "key": "cart",
    "type": "handlers.Cart",
    "fingerprint": "4"
   },
   "new": {
    "key": "cart",
    "type": "handlers.Cart",
    "fingerprint": "44"
   }
  },
  {
   "old": {
    "key": "hits",
    "type": "int",
    "fingerprint": "5"
   }
  }
 ],
 "registered": [
  {
   "new": "b"
  }
 ],
 "host": [
  {
   "old": {
    "path": "example.com/shop/store",
    "hash": "7"
   },
   "new": {
    "path": "example.com/shop/store",
    "hash": "77"
   }
  }
 ],
 "hot": [
  {
   "old": "example.com/shop/handlers"
  },
  {
   "new": "example.com/shop/web"
  }
 ]
}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	// The other way round, what was added was removed.
	back := Diff(to, from)
	if r := back.Routes[0]; r.Old == nil || r.New != nil || r.Old.Method != "DELETE" {
		t.Errorf("back: %+v", r)
	}
}
