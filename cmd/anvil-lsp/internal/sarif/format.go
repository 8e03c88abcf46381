package sarif

// What follows is the part of the format that is written, under its own names.

type log struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []run  `json:"runs"`
}

type run struct {
	Tool       tool                `json:"tool"`
	ColumnKind string              `json:"columnKind"`
	Bases      map[string]artifact `json:"originalUriBaseIds"`
	Results    []result            `json:"results"` // never null
	Properties map[string]string   `json:"properties"`
}

type tool struct {
	Driver driver `json:"driver"`
}

type driver struct {
	Name           string                `json:"name"`
	Version        string                `json:"version"`
	InformationURI string                `json:"informationUri"`
	Rules          []reportingDescriptor `json:"rules"`
}

type reportingDescriptor struct {
	ID         string            `json:"id"`
	Short      message           `json:"shortDescription"`
	HelpURI    string            `json:"helpUri"`
	Default    configuration     `json:"defaultConfiguration"`
	Properties map[string]string `json:"properties"`
}

type configuration struct {
	Level string `json:"level"`
}

type message struct {
	Text string `json:"text"`
}

type result struct {
	RuleID    string     `json:"ruleId"`
	RuleIndex int        `json:"ruleIndex"`
	Level     string     `json:"level"`
	Message   message    `json:"message"`
	Locations []location `json:"locations,omitempty"`
	Related   []location `json:"relatedLocations,omitempty"`
}

type location struct {
	ID       int              `json:"id,omitempty"`
	Physical physicalLocation `json:"physicalLocation"`
	Message  *message         `json:"message,omitempty"`
}

type physicalLocation struct {
	Artifact artifact `json:"artifactLocation"`
	Region   *region  `json:"region,omitempty"`
}

type artifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type region struct {
	Line   int `json:"startLine"`
	Column int `json:"startColumn,omitempty"`
}
