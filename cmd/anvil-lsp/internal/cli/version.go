package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo says what this program was built from.
type versionInfo struct {
	Version  string // of the module
	Go       string
	Platform string
	Revision string // of the version control system; may be empty
	Time     string // of the revision
	Modified bool
}

func buildVersion() versionInfo {
	info, _ := debug.ReadBuildInfo() // nil where it was left out
	return versionFrom(info)
}

func versionFrom(info *debug.BuildInfo) versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String returns everything on one line.
func (v versionInfo) String() string {
	s := fmt.Sprintf("anvil-lsp %s %s %s", v.Version, v.Go, v.Platform)
	if v.Revision != "" {
		s += " revision " + v.Revision[:min(12, len(v.Revision))]
	}
	if v.Time != "" {
		s += " of " + v.Time
	}
	if v.Modified {
		s += ", modified"
	}
	return s
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program", Args: noArgs, ValidArgsFunction: cobra.NoFileCompletions,
		Long:    "Print the version of this program, its Go release and platform, and the revision of its source.",
		Example: "  anvil-lsp version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, buildVersion())
			return err
		},
	}
}
