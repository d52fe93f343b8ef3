//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// kill ends the server as a crash would.
func (p *serverProcess) kill() {
	p.cmd.Process.Kill()
	<-p.end
	p.cmd.Wait()
}

// openAI is OpenAI's own client of the server.
func (p *serverProcess) openAI() openai.Client {
	return openai.NewClient(option.WithBaseURL(p.url+"/v1/"), option.WithAPIKey("none"), option.WithMaxRetries(0))
}

// newTestJob uploads the reviews and makes a job on them with settings of hone train.
func newTestJob(t *testing.T, c openai.Client, dir string, settings map[string]any) *openai.FineTuningJob {
	t.Helper()
	rows, err := os.Open(filepath.Join(dir, "reviews", "train.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	file, err := c.Files.New(context.Background(), openai.FileNewParams{File: rows, Purpose: openai.FilePurposeFineTune})
	if err != nil {
		t.Fatal(err)
	}
	job, err := c.FineTuning.Jobs.New(context.Background(), openai.FineTuningJobNewParams{
		Model: "base", TrainingFile: file.ID, Suffix: openai.String("reviews"), Seed: openai.Int(42),
		Method: openai.FineTuningJobNewParamsMethod{Type: "supervised", Supervised: openai.SupervisedMethodParam{
			Hyperparameters: openai.SupervisedHyperparameters{LearningRateMultiplier: openai.SupervisedHyperparametersLearningRateMultiplierUnion{OfFloat: openai.Float(20)}}}},
	}, option.WithJSONSet("hone", settings))
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// over waits for the end of a job.
func over(t *testing.T, c openai.Client, id string) *openai.FineTuningJob {
	t.Helper()
	for range 600 {
		job, err := c.FineTuning.Jobs.Get(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		switch job.Status {
		case "succeeded", "failed", "cancelled":
			return job
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the job doesn't end")
	return nil
}

// OpenAI's client trains a model on a served one and uses it.
func TestJobsWithOpenAI(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, dir, "--model", "base", "--jobs_dir", "tuning")
	c, ctx := p.openAI(), context.Background()
	job := over(t, c, newTestJob(t, c, dir, map[string]any{"max_steps": 8, "logging_steps": 1, "save_total_limit": 3}).ID)
	if job.Status != "succeeded" || !strings.HasPrefix(job.FineTunedModel, "ft:base:reviews:") || job.TrainedTokens == 0 {
		t.Fatalf("the job is %s", job.RawJSON())
	}
	losses := 0
	for events := c.FineTuning.Jobs.ListEventsAutoPaging(ctx, job.ID, openai.FineTuningJobListEventsParams{Limit: openai.Int(5)}); events.Next(); {
		if events.Current().Type == "metrics" {
			losses++
		}
	}
	if losses != 8 {
		t.Errorf("there are losses of %d steps, expected 8", losses)
	}
	points, err := c.FineTuning.Jobs.Checkpoints.List(ctx, job.ID, openai.FineTuningJobCheckpointListParams{})
	if err != nil || len(points.Data) != 3 || points.Data[0].StepNumber != 8 || points.Data[2].StepNumber != 6 { // the others were deleted
		t.Errorf("checkpoints: %v, %+v", err, points)
	}
	listed := false
	for models := c.Models.ListAutoPaging(ctx); models.Next(); {
		listed = listed || models.Current().ID == job.FineTunedModel
	}
	if !listed {
		t.Errorf("%s is not listed", job.FineTunedModel)
	}
	if _, err := c.Completions.New(ctx, openai.CompletionNewParams{Model: openai.CompletionNewParamsModel(job.FineTunedModel),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("a film")}, MaxTokens: openai.Int(3)}); err != nil {
		t.Error(err)
	}
	if r, err := http.Get(p.url + "/v1/fine_tuning/jobs/" + job.ID + "/log"); err != nil {
		t.Error(err)
	} else {
		defer r.Body.Close()
		kinds := map[string]int{}
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			var e struct{ Type string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("%v in %s", err, lines.Text())
			}
			kinds[e.Type]++
		}
		if kinds["plan"] != 1 || kinds["log"] != 8 || kinds["done"] != 1 {
			t.Errorf("the log has %v", kinds)
		}
	}

	// A server that is started again lists the model, but loads it only when it is asked for.
	p.stop(t)
	p = startServer(t, dir, "--jobs_dir", "tuning")
	c = p.openAI()
	if m, err := c.Models.Get(ctx, job.FineTunedModel); err != nil || m.ID != job.FineTunedModel {
		t.Errorf("after a restart: %v, %+v", err, m)
	}
	if _, err := c.Completions.New(ctx, openai.CompletionNewParams{Model: openai.CompletionNewParamsModel(job.FineTunedModel),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("a film")}, MaxTokens: openai.Int(3)}); err != nil {
		t.Error(err)
	}
	p.stop(t)
	ready, first := strings.Index(p.log.String(), "Serving at"), strings.Index(p.log.String(), "loaded_in")
	if ready < 0 || first < ready {
		t.Errorf("the model was loaded before the server was ready:\n%s", p.log)
	}
}

// Servers and workers are killed at random. No job is lost, each step is trained once in the history that counts,
// and the weights are those of a run that nobody killed. HONE_KILLS sets how often.
func TestJobsSurviveKills(t *testing.T) {
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("HONE_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	serve := []string{"--model", "base", "--jobs_dir", "tuning"}
	settings := map[string]any{"max_steps": 60 * max(1, kills/5), "save_steps": 5, "logging_steps": 1, "eval_strategy": "no"}
	p := startServer(t, dir, serve...)
	whole := over(t, p.openAI(), newTestJob(t, p.openAI(), dir, settings).ID)
	jobs := []string{newTestJob(t, p.openAI(), dir, settings).ID, newTestJob(t, p.openAI(), dir, settings).ID}
	for n := range kills {
		time.Sleep(time.Duration(100+rand.IntN(700)) * time.Millisecond)
		if n%2 == 1 {
			for _, id := range jobs {
				if pid := workerOf(filepath.Join(dir, "tuning", "jobs", id, "events.jsonl")); pid > 0 {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			if rand.IntN(2) == 0 {
				continue
			}
		}
		p.kill()
		if halves, _ := filepath.Glob(filepath.Join(dir, "tuning", "jobs", "*", "model")); len(halves) > 0 {
			for _, h := range halves {
				if _, err := os.Stat(filepath.Join(h, "all_results.json")); err != nil {
					t.Errorf("after kill %d half a model stands at its place: %v", n, err)
				}
			}
		}
		p = startServer(t, dir, serve...)
	}
	want := weightsOf(t, dir, filepath.Join("tuning", "jobs", whole.ID, "model"))
	for _, id := range jobs {
		job := over(t, p.openAI(), id)
		if job.Status != "succeeded" {
			t.Errorf("after %d kills the job is %s", kills, job.RawJSON())
			continue
		}
		model := filepath.Join("tuning", "jobs", id, "model")
		if !bytes.Equal(weightsOf(t, dir, model), want) {
			t.Errorf("after %d kills the weights of %s are others than those of a run that nobody killed", kills, id)
		}
		if a, b := lossesOf(t, filepath.Join(dir, model)), lossesOf(t, filepath.Join(dir, "tuning", "jobs", whole.ID, "model")); a != b {
			t.Errorf("after %d kills the history of %s is\n%s, expected\n%s", kills, id, a, b)
		}
	}
}

// workerOf returns the process that last took an events file, 0 if it has ended.
func workerOf(events string) (pid int) {
	b, err := os.ReadFile(events)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		var e struct {
			Type string
			PID  int
		}
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		if e.PID > 0 {
			pid = e.PID
		}
		if e.Type == "done" || e.Type == "error" {
			pid = 0
		}
	}
	f, err := os.OpenFile(events, os.O_RDWR, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return 0 // nobody holds it: that number may be another process's by now
	}
	return pid
}

// lossesOf lists the steps of a model's history with their losses.
func lossesOf(t *testing.T, model string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(model, "trainer_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		LogHistory []struct {
			Step int
			Loss *float64
		} `json:"log_history"`
	}
	if err := json.Unmarshal(b, &state); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, r := range state.LogHistory {
		if r.Loss != nil {
			fmt.Fprintf(&out, "%d:%v ", r.Step, *r.Loss)
		}
	}
	return out.String()
}
