package jobs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hone-ml/hone/checkpoint"
)

// asked reads what a request for part of a job's history asks: size entries unless it says otherwise, of the events so far.
func (m *Manager) asked(r *http.Request, size int) (p page, j *job, lines []line, err error) {
	if p, err = paging(r, size, 1000); err != nil {
		return
	}
	if j, err = m.job(r); err != nil {
		return
	}
	lines, err = readEvents(j.events())
	return
}

// listEvents answers with a job's events in OpenAI's shape, the newest first.
func (m *Manager) listEvents(w http.ResponseWriter, r *http.Request) error {
	p, j, lines, err := m.asked(r, 20)
	if err != nil {
		return err
	}
	lines = history(lines)
	slices.Reverse(lines)
	events := make([]map[string]any, len(lines))
	for i, l := range lines {
		events[i] = m.openAI(j, l)
	}
	return sendPage(w, p, events, func(e map[string]any) string { return e["id"].(string) })
}

// openAI is an event in OpenAI's shape.
func (m *Manager) openAI(j *job, l line) map[string]any {
	level, kind := l.Level, "message"
	if level == "" {
		level = "info"
	}
	data := map[string]any{}
	message := l.Message
	switch l.Type {
	case "plan":
		message = fmt.Sprintf("training begins: %d steps", l.MaxSteps)
		if l.Step > 0 {
			message = fmt.Sprintf("training goes on from step %d of %d", l.Step, l.MaxSteps)
		}
	case "log":
		kind = "metrics"
		message = fmt.Sprintf("step %d/%d: training loss=%.4f", l.Step, l.MaxSteps, value(l.Loss))
		data = map[string]any{"step": l.Step, "total_steps": l.MaxSteps, "train_loss": l.Loss, "learning_rate": l.LearningRate, "grad_norm": l.GradNorm}
	case "eval":
		kind = "metrics"
		loss := l.Metrics["eval_loss"]
		message = fmt.Sprintf("step %d/%d: validation loss=%.4f", l.Step, l.MaxSteps, float64(loss))
		data = map[string]any{"step": l.Step, "total_steps": l.MaxSteps, "valid_loss": loss}
		for name, x := range l.Metrics {
			data[name] = x
		}
	case "checkpoint":
		message = fmt.Sprintf("checkpoint at step %d", l.Step)
	case "done":
		message = fmt.Sprintf("trained %d steps", l.Step)
	case "error":
		level = "error"
	}
	return map[string]any{"object": "fine_tuning.job.event", "id": fmt.Sprintf("ftevent-%s-%06d", j.ID[len(j.ID)-12:], l.n), "created_at": int64(l.Time),
		"level": level, "type": kind, "message": m.clean(j, message), "data": data}
}

func value(n *Number) float64 {
	if n == nil {
		return 0
	}
	return float64(*n)
}

// listCheckpoints answers with the checkpoints of a job, the newest first, with the last losses before each. One whose folder
// is gone, as save_total_limit has it, is none.
func (m *Manager) listCheckpoints(w http.ResponseWriter, r *http.Request) error {
	p, j, lines, err := m.asked(r, 10)
	if err != nil {
		return err
	}
	kept, err := j.checkpoints()
	if err != nil {
		return err
	}
	all := []map[string]any{}
	var train, valid *Number
	for _, l := range history(lines) {
		switch l.Type {
		case "log":
			train = l.Loss
		case "eval":
			if x, ok := l.Metrics["eval_loss"]; ok {
				valid = &x
			}
		case "checkpoint":
			if !slices.Contains(kept, l.Step) {
				continue
			}
			metrics := map[string]any{"step": l.Step}
			if train != nil {
				metrics["train_loss"] = train
			}
			if valid != nil {
				metrics["valid_loss"], metrics["full_valid_loss"] = valid, valid
			}
			all = append(all, map[string]any{"object": "fine_tuning.job.checkpoint", "id": fmt.Sprintf("ftckpt-%s-%06d", j.ID[len(j.ID)-12:], l.Step), "created_at": int64(l.Time),
				"fine_tuning_job_id": j.ID, "fine_tuned_model_checkpoint": fmt.Sprintf("%s:ckpt-step-%d", j.Tuned, l.Step), "step_number": l.Step, "metrics": metrics})
		}
	}
	slices.Reverse(all)
	return sendPage(w, p, all, func(c map[string]any) string { return c["id"].(string) })
}

// checkpoints returns the steps whose checkpoints are on the disk.
func (j *job) checkpoints() (all []int, err error) {
	for _, dir := range []string{"run", "model"} { // in this order: the one may become the other between two looks
		steps, err := checkpoint.Steps(j.path(dir))
		if err != nil {
			return nil, err
		}
		all = append(all, steps...)
	}
	return all, nil
}

// serveLog answers with the job's events file, as JSON lines; with ?follow=true as server-sent events, the
// later ones as they come, and an event named end when the job is over. Paths of this machine are taken out.
func (m *Manager) serveLog(w http.ResponseWriter, r *http.Request) error {
	j, err := m.job(r)
	if err != nil {
		return err
	}
	if follow := r.FormValue("follow"); follow == "true" || follow == "1" {
		return m.followLog(w, r, j)
	}
	lines, err := readEvents(j.events())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jsonl")
	out := bufio.NewWriter(w)
	for _, l := range history(lines) {
		fmt.Fprintf(out, "%s\n", m.clean(j, string(l.text)))
	}
	out.Flush()
	return nil
}

// poll is how often a log that is followed is looked at.
const poll = 200 * time.Millisecond

// followLog streams the log. A plan with step N says that what was sent of later steps before it was lost.
func (m *Manager) followLog(w http.ResponseWriter, r *http.Request, j *job) error {
	f, err := os.Open(j.events())
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	out := http.NewResponseController(w)
	in := bufio.NewReader(f)
	var part []byte
	for quiet := time.Now(); ; {
		m.mu.Lock()
		over := ended(j.Status) // asked before reading: nothing is missed
		m.mu.Unlock()
		for {
			b, err := in.ReadSlice('\n')
			part = append(part, b...)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) || len(part) > maxEventLine {
				return nil
			}
			if err == nil {
				if l, ok := parseEvent(part[:len(part)-1], 0); ok {
					fmt.Fprintf(w, "data: %s\n\n", m.clean(j, string(l.text)))
					quiet = time.Now()
				}
				part = part[:0]
			}
		}
		if over {
			fmt.Fprint(w, "event: end\ndata: {}\n\n")
		} else if time.Since(quiet) > 15*time.Second {
			fmt.Fprint(w, ": still here\n\n") // so that a client that has gone is noticed
			quiet = time.Now()
		}
		if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) || over {
			return nil
		}
		select {
		case <-time.After(poll):
		case <-r.Context().Done():
			return nil
		case <-m.ctx.Done():
			return nil
		}
	}
}
