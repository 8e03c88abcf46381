# The commands of a developer, and the steps of .ci/run. See CONTRIBUTING.md.

# The pattern matches both modules; ./... would leave out the one below hotreload.
everything = github.com/anvilforge/anvil-lsp/...

# Tests have fields for reflection and repeat themselves on purpose, so what is unused
# is looked for outside of them, and in the whole of the runtime, which has the tag.
staticcheck = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
checks = all,-ST1000,-ST1003,-ST1020,-ST1021,-ST1022,-U1000

.DEFAULT_GOAL = help
.NOTPARALLEL: # one step after the other: each takes the whole machine by itself
.PHONY: help build test test-full race lint golangci samples oldest-chi edits vet-platforms neovim emacs vscode vscode-e2e

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

build: ## build ./anvil-lsp
	go build ./cmd/anvil-lsp

test: ## the short tests of both modules
	go test -short $(everything)

# A busy machine may need more than the ten minutes that go test gives a package.
test-full: ## all tests of both modules
	go test -timeout 60m $(everything)

# The detector finds what runs at the same time. Real builds and the corpus of
# edits run one thing after the other, and are left to test-full; the whole of
# them is go test -race -timeout 2h github.com/anvilforge/anvil-lsp/...
race: ## the short tests and the concurrent ones, with the race detector
	go test -race -short -timeout 30m $(everything)
	ANVIL_RELOADS=30 ANVIL_RESTARTS=1 go test -race -timeout 30m -run 'TestSavesUnderLoad|TestRestarts|TestBurst|TestEditorStory|TestEditorTyping' ./cmd/anvil-lsp/e2e

lint: ## gofmt, go vet and staticcheck with and without the engine's build tag, go mod tidy -diff
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')) || exit 1; \
	if [ -n "$$unformatted" ]; then \
		printf 'not gofmt-formatted:\n%s\n' "$$unformatted"; \
		exit 1; \
	fi
	go vet $(everything)
	set -e; for module in hotreload/go.mod examples/*/go.mod; do \
		(cd "$$(dirname "$$module")" && go vet ./... && go vet -tags anvilhot ./...); \
	done
	$(staticcheck) -checks '$(checks)' ./...
	$(staticcheck) -checks U1000 -tests=false ./...
	cd hotreload && $(staticcheck) -checks '$(checks)' ./...
	cd hotreload && $(staticcheck) -checks '$(checks)' -tags anvilhot ./...
	cd hotreload && $(staticcheck) -checks U1000 -tests=false -tags anvilhot ./...
	set -e; for module in . hotreload examples/*/; do \
		[ ! -f "$$module/go.mod" ] || (cd "$$module" && go mod tidy -diff); \
	done

golangci: ## golangci-lint (v2, from PATH) in both modules
	golangci-lint run ./...
	cd hotreload && golangci-lint run ./... && golangci-lint run --build-tags anvilhot ./...

samples: ## the tests of the sample applications
	set -e; for app in examples/*/go.mod; do \
		(cd "$$(dirname "$$app")" && go test ./...); \
	done

oldest-chi: ## the runtime's short tests with the oldest chi that it allows
	cd hotreload && go test -short ./... && go test -short -tags anvilhot ./...

edits: ## every edit of testdata/edits on a live server
	ANVIL_EDITS=all go test -timeout 60m -run 'TestEdits$$' ./cmd/anvil-lsp/e2e

vet-platforms: ## go vet for macOS and FreeBSD, which the code supports
	set -e; for os in darwin freebsd; do for tags in '' anvilhot; do \
		GOOS=$$os CGO_ENABLED=0 go vet -tags "$$tags" $(everything); \
	done; done

# With CI set a test that lacks its editor fails, instead of being skipped.
neovim: ## the tests in Neovim
	CI=1 go test ./editors/neovim

emacs: ## the tests in Emacs
	CI=1 go test -run Emacs ./cmd/anvil-lsp/e2e

vscode: ## the VS Code extension: types, lint, unit tests
	cd editors/vscode && npm ci && npm test

vscode-e2e: ## the VS Code extension in a real editor, on Debian, after make vscode
	cd editors/vscode && npm run e2e
