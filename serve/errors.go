package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An apiError is an answer other than 200, in OpenAI's terms.
type apiError struct {
	Status  int    `json:"-"`
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   any    `json:"param"` // the name of a field, or nil
	Code    any    `json:"code"`  // a string, or nil
}

func (e *apiError) Error() string { return e.Message }

const (
	invalid     = "invalid_request_error"
	unavailable = "server_error"
)

// bad is an error in the field of a request.
func bad(param, format string, args ...any) *apiError {
	e := &apiError{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Type: invalid}
	if param != "" {
		e.Param, e.Message = param, param+": "+e.Message
	}
	return e
}

// refusal is an error that has a code.
func refusal(status int, kind, code, format string, args ...any) *apiError {
	return &apiError{Status: status, Message: fmt.Sprintf(format, args...), Type: kind, Code: code}
}

// statusGone is how logs count requests whose clients left, after nginx.
const statusGone = 499

// asAPI tells what a client is told of err.
func asAPI(err error) *apiError {
	var e *apiError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return refusal(http.StatusGatewayTimeout, unavailable, "timeout", "the answer took too long: ask for fewer tokens, or start the server with a larger --timeout")
	case errors.Is(err, context.Canceled):
		return refusal(statusGone, unavailable, "cancelled", "the request was cancelled")
	}
	return refusal(http.StatusInternalServerError, unavailable, "internal_error", "the server failed to answer; its log tells why")
}

// failBody is the JSON of an error: an object on OpenAI's routes, a text on Ollama's.
func failBody(r *http.Request, e *apiError) any {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return map[string]string{"error": e.Message}
	}
	return map[string]*apiError{"error": e}
}

// fail answers with an error.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	e := asAPI(err)
	h := w.Header()
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="hone"`)
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		h.Set("Connection", "close") // what is left of the body isn't worth reading
	}
	writeJSON(w, e.Status, failBody(r, e))
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return encode(w, v)
}

// encode writes v as one line of JSON, characters as they are.
func encode(w interface{ Write([]byte) (int, error) }, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
