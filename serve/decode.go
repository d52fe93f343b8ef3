package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"
)

// read reads the JSON of a request into v, a pointer to a struct. Fields that v doesn't have are ignored.
func (s *Server) read(w http.ResponseWriter, r *http.Request, v any) error {
	if r.ContentLength > s.config.MaxBody {
		return tooLarge(s.config.MaxBody) // before it is sent
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(s.config.Stall))
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.config.MaxBody))
	control.SetReadDeadline(time.Time{}) // or it would end the request while it waits for its answer
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refusal(http.StatusRequestTimeout, invalid, "request_timeout", "the request didn't come within %v", s.config.Stall)
	case err != nil:
		return bad("", "the request's body can't be read: %v", err)
	}
	return parse(b, v)
}

func tooLarge(limit int64) *apiError {
	return refusal(http.StatusRequestEntityTooLarge, invalid, "request_too_large", "the request has more than %d bytes", limit)
}

// parse reads JSON; its errors name the field.
func parse(b []byte, v any) error {
	if len(bytes.TrimSpace(b)) == 0 {
		return bad("", "the request has no body; expected a JSON object")
	}
	err := json.Unmarshal(b, v)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.Field == "":
		return bad("", "the request is %s; expected an object", found(kind.Value))
	case errors.As(err, &kind):
		field := strings.TrimPrefix(kind.Field, "sampling.") // embedded
		return bad(field, "expected %s, found %s", describe(kind.Type), found(kind.Value))
	}
	return bad("", "the request is not JSON: %v", err)
}

// describe says what a field takes.
func describe(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	switch t {
	case reflect.TypeFor[texts]():
		return "a text or a list of texts"
	case reflect.TypeFor[inputs]():
		return "a text, a list of texts, a list of token ids or a list of such lists"
	case reflect.TypeFor[content]():
		return "a text or a list of parts of the type text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Pointer:
		return describe(t.Elem())
	}
	return t.String()
}

// found says what stands there, which encoding/json tells in its own words.
func found(value string) string {
	switch value {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	if number, ok := strings.CutPrefix(value, "number "); ok {
		return fmt.Sprintf("%.40s", number)
	}
	if value == "number" {
		return "a number"
	}
	return value
}

// mistyped is an error that encoding/json completes with the name of the field.
func mistyped[T any](b []byte) error {
	return &json.UnmarshalTypeError{Value: kindOf(b), Type: reflect.TypeFor[T]()}
}

// kindOf names the kind of a JSON value.
func kindOf(b []byte) string {
	switch b[0] {
	case '{':
		return "an object"
	case '[':
		return "another list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// texts are a text or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	switch {
	case b[0] == 'n':
		*t = nil
	case json.Unmarshal(b, &one) == nil:
		*t = texts{one}
	default:
		// null in a list would be an empty text.
		var many []*string
		if json.Unmarshal(b, &many) != nil {
			return mistyped[texts](b)
		}
		*t = make(texts, len(many))
		for i, p := range many {
			if p == nil {
				return mistyped[texts](b)
			}
			(*t)[i] = *p
		}
	}
	return nil
}

// inputs are what completions and embeddings are asked of: texts, or token ids.
type inputs struct {
	texts texts
	ids   [][]int32
}

func (in *inputs) len() int { return max(len(in.texts), len(in.ids)) }

func (in *inputs) UnmarshalJSON(b []byte) error {
	*in = inputs{}
	var ids []int32
	switch {
	case b[0] == 'n' || json.Unmarshal(b, &in.texts) == nil:
	case json.Unmarshal(b, &ids) == nil:
		in.ids = [][]int32{ids}
	case json.Unmarshal(b, &in.ids) != nil:
		return mistyped[inputs](b)
	}
	return nil
}

// content is the text of a message, which may come in parts.
type content string

func (c *content) UnmarshalJSON(b []byte) error {
	var one string
	var parts []struct{ Type, Text string }
	switch {
	case json.Unmarshal(b, &one) == nil: // null is no text
		*c = content(one)
		return nil
	case json.Unmarshal(b, &parts) != nil:
		return mistyped[content](b)
	}
	*c = ""
	for i, p := range parts {
		if p.Type != "text" && p.Type != "input_text" {
			return mistyped[content](b)
		}
		if i > 0 {
			*c += "\n"
		}
		*c += content(p.Text)
	}
	return nil
}
