// Package sarif writes findings in the Static Analysis Results Interchange Format, SARIF 2.1.0,
// which code hosts and continuous integration show next to the source.
//
// Only what such viewers use is written. Paths are relative to a base directory, normally the root
// of the checkout, because the machine that shows a finding is not the one that found it.
package sarif

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

const (
	home   = "https://github.com/anvilforge/anvil-lsp"
	schema = "https://json.schemastore.org/sarif-2.1.0.json"
	base   = "%SRCROOT%" // the name by which locations refer to the base directory
)

// Report is what Write writes.
type Report struct {
	Version string // of this program
	Dir     string // the base directory, absolute
	// Source reads a file whose columns are counted in characters; those of others stay counts of
	// bytes.
	Source      func(path string) ([]byte, error)
	Rung        manifest.Rung
	Diagnostics []manifest.Diagnostic
}

// Write writes a log with one run.
func Write(w io.Writer, r Report) error {
	found := run{
		Tool:       tool{Driver: driver{Name: "anvil-lsp", Version: r.Version, InformationURI: home}},
		ColumnKind: "unicodeCodePoints",
		Bases:      map[string]artifact{base: {URI: fileURI(r.Dir) + "/"}},
		Results:    []result{},
		Properties: map[string]string{"rung": string(r.Rung)},
	}
	index := map[manifest.Code]int{}
	for i, code := range manifest.Codes() {
		index[code.Code] = i
		found.Tool.Driver.Rules = append(found.Tool.Driver.Rules, reportingDescriptor{
			ID: string(code.Code), Short: message{code.Title}, HelpURI: code.Code.URL(),
			Default: configuration{level(code.Severity)}, Properties: map[string]string{"rung": string(code.Rung)},
		})
	}
	for _, d := range r.Diagnostics {
		res := result{RuleID: string(d.Code), RuleIndex: index[d.Code], Level: level(d.Severity), Message: message{d.Message}}
		if d.File != "" {
			res.Locations = []location{r.locate(d.Position, "")}
		}
		for i, rel := range d.Related {
			if rel.File != "" {
				l := r.locate(rel.Position, rel.Message)
				l.ID = i + 1
				res.Related = append(res.Related, l)
			}
		}
		found.Results = append(found.Results, res)
	}
	enc := json.NewEncoder(visible.JSON(w))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(log{Schema: schema, Version: "2.1.0", Runs: []run{found}}); err != nil {
		return fmt.Errorf("writing SARIF: %w", err)
	}
	return nil
}

func level(s manifest.Severity) string {
	switch s {
	case manifest.SeverityError, manifest.SeverityWarning:
		return string(s)
	}
	return "note"
}

func (r Report) locate(p manifest.Position, text string) location {
	l := location{Physical: physicalLocation{Artifact: artifact{URI: fileURI(p.File)}}}
	if rel, err := filepath.Rel(r.Dir, p.File); err == nil && filepath.IsLocal(rel) {
		l.Physical.Artifact = artifact{URI: (&url.URL{Path: filepath.ToSlash(rel)}).String(), Base: base}
	}
	if p.Line > 0 {
		l.Physical.Region = &region{Line: p.Line, Column: r.column(p)}
	}
	if text != "" {
		l.Message = &message{text}
	}
	return l
}

func fileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// column returns the column of a position, counted in characters from 1.
func (r Report) column(p manifest.Position) int {
	if p.Column <= 1 || r.Source == nil {
		return p.Column
	}
	data, err := r.Source(p.File)
	if err != nil {
		return p.Column
	}
	line, _ := p.LineOf(data)
	if len(line) < p.Column-1 {
		return p.Column
	}
	return utf8.RuneCount(line[:p.Column-1]) + 1
}
