package jobs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/hone-ml/hone/internal/disk"
)

// Handler serves /v1/files and /v1/fine_tuning/jobs.
func (m *Manager) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"POST /v1/files":             m.upload,
		"GET /v1/files":              m.listFiles,
		"GET /v1/files/{id}":         m.getFile,
		"GET /v1/files/{id}/content": m.fileContent,
		"DELETE /v1/files/{id}":      m.deleteFile,

		"POST /v1/fine_tuning/jobs":                 m.createJob,
		"GET /v1/fine_tuning/jobs":                  m.listJobs,
		"GET /v1/fine_tuning/jobs/{id}":             m.getJob,
		"DELETE /v1/fine_tuning/jobs/{id}":          m.deleteJob,
		"POST /v1/fine_tuning/jobs/{id}/cancel":     m.cancelJob,
		"POST /v1/fine_tuning/jobs/{id}/pause":      m.pauseJob,
		"POST /v1/fine_tuning/jobs/{id}/resume":     m.resumeJob,
		"GET /v1/fine_tuning/jobs/{id}/events":      m.listEvents,
		"GET /v1/fine_tuning/jobs/{id}/checkpoints": m.listCheckpoints,
		"GET /v1/fine_tuning/jobs/{id}/log":         m.serveLog,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := serve(w, r); err != nil {
				m.fail(w, r, err)
			}
		})
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		m.fail(w, r, &apiError{http.StatusNotFound, "", "not_found", fmt.Sprintf("there is no %s %.100s", r.Method, r.URL.Path)})
	})
	return mux
}

// An apiError is an error that the client is told of, in OpenAI's shape.
type apiError struct {
	status  int
	param   string // of the request, "" if none is at fault
	code    string
	message string
}

func (e *apiError) Error() string { return e.message }

// refuse is the error of a request that can't be done as it is.
func refuse(param, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return tooBig
	}
	return &apiError{http.StatusBadRequest, param, "invalid_value", err.Error()}
}

func tooLarge(limit int64) error {
	return &apiError{http.StatusRequestEntityTooLarge, "file", "file_too_large", fmt.Sprintf("the file is larger than %s, the most that this server takes", disk.Size(uint64(limit)))}
}

// fail answers with an error. What is the server's own fault is logged, and told without its paths.
func (m *Manager) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := &apiError{http.StatusInternalServerError, "", "internal_error", "the server can't do this now; its log says why"}
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		e = &apiError{http.StatusRequestEntityTooLarge, "", "request_too_large", fmt.Sprintf("the request has more than %s", disk.Size(uint64(tooBig.Limit)))}
	} else if !errors.As(err, &e) {
		m.log.Error("jobs: a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	kind := "invalid_request_error"
	if e.status >= 500 {
		kind = "server_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": e.message, "type": kind, "param": orNull(e.param), "code": orNull(e.code)}})
}

// orNull is nil, JSON's null, for the zero value.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

func reply(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // an error is the client's having gone
	return nil
}

// A page is which part of a list is asked for.
type page struct {
	after string // id of the last item of the page before
	limit int
}

func paging(r *http.Request, usual, most int) (page, error) {
	p := page{r.FormValue("after"), usual}
	if v := r.FormValue("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return p, refuse("limit", "limit is %.20q; expected a number from 1 to %d", v, most)
		}
		p.limit = n
	}
	return p, nil
}

// sendPage answers with one page of all, which are in the order of the list.
func sendPage[T any](w http.ResponseWriter, p page, all []T, id func(T) string) error {
	from := 0
	if p.after != "" {
		from = -1
		for i, v := range all {
			if id(v) == p.after {
				from = i + 1
			}
		}
		if from < 0 {
			return refuse("after", "there is no %.60q in this list", p.after)
		}
	}
	to := min(len(all), from+p.limit)
	list := map[string]any{"object": "list", "data": append([]T{}, all[from:to]...), "has_more": to < len(all), "first_id": nil, "last_id": nil}
	if from < to {
		list["first_id"], list["last_id"] = id(all[from]), id(all[to-1])
	}
	return reply(w, list)
}

// newest orders by time, the newest first, then by id.
func newest(a, b int64, idA, idB string) int {
	return cmp.Or(cmp.Compare(b, a), strings.Compare(idA, idB))
}
