package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// envelope is a message as it travels.
type envelope struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  *string         `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *jsonrpc2.Error `json:"error,omitempty"`
}

var null = json.RawMessage("null")

// parse reads an envelope. If there is an error the envelope holds as much as
// is needed to answer it.
func parse(data []byte) (envelope, *jsonrpc2.Error) {
	none := envelope{ID: null}
	if !utf8.Valid(data) {
		return none, jsonrpc2.NewError(jsonrpc2.ParseError, "the message is not UTF-8")
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && first[0] == '[' && json.Valid(data) {
		return none, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the Language Server Protocol has no batches")
	}
	var m envelope
	if err := json.Unmarshal(data, &m); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); ok || len(data) == 0 {
			return none, jsonrpc2.Errorf(jsonrpc2.ParseError, "the message is no JSON: %v", err)
		}
		if !validID(m.ID) {
			m.ID = null
		}
		return m, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "the message is no request: %v", err)
	}
	switch {
	case m.ID != nil && !validID(m.ID) && (m.Method != nil || !bytes.Equal(m.ID, null)):
		m.ID = null
		return m, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the id of a request is a number or a string")
	case m.Version != jsonrpc2.Version:
		if m.ID == nil {
			m.ID = null
		}
		return m, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, `"jsonrpc" is %q, and not "2.0"`, m.Version)
	case m.Method == nil && m.Result == nil && m.Error == nil:
		if m.ID == nil {
			m.ID = null
		}
		return m, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "a message without method, result and error")
	}
	return m, nil
}

// maxID bounds the id of a request, which is kept until it is answered.
const maxID = 256

// validID reports whether raw is an id: a string or a whole number.
func validID(raw json.RawMessage) bool {
	if len(raw) == 0 || len(raw) > maxID {
		return false
	}
	if raw[0] == '"' {
		return true
	}
	return (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') && !bytes.ContainsAny(raw, ".eE")
}

// encode writes an envelope. Values of the protocol have their own codec.
func encode(m envelope) ([]byte, error) {
	m.Version = jsonrpc2.Version
	return json.Marshal(m)
}

// raw encodes parameters or a result.
func raw(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return null, nil
	case json.RawMessage:
		return v, nil
	}
	data, err := protocol.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return data, nil
}

// wireError is the error of an answer.
func wireError(err error) *jsonrpc2.Error {
	if e, ok := errors.AsType[*jsonrpc2.Error](err); ok {
		return e
	}
	return jsonrpc2.NewError(jsonrpc2.InternalError, err.Error())
}
