package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk on which not a byte is left, not even for what the job has to say: the job fails all the same and tells why, and
// when there is room again, the next succeeds and a server that is started anew knows of both.
func TestServerOnAFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	small := filepath.Join(dir, "tuning")
	if err := os.Mkdir(small, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=80m"); err != nil {
		t.Skipf("a small disk can't be mounted here (root can): %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(small, syscall.MNT_DETACH) })
	p := startServer(t, dir, "--model", "base", "--jobs_dir", "tuning")
	api := p.openAI()
	job := newTestJob(t, api, dir, map[string]any{"max_steps": 4000, "save_steps": 2, "logging_steps": 1, "eval_strategy": "no"})
	events := filepath.Join(small, "jobs", job.ID, "events.jsonl")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if b, _ := os.ReadFile(events); strings.Contains(string(b), `"checkpoint"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the job doesn't begin")
		}
	}
	filler := filepath.Join(small, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 64<<10); len(b) > 0; {
		if _, err := f.Write(b); errors.Is(err, syscall.ENOSPC) {
			b = b[:len(b)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	failed := over(t, api, job.ID)
	if why := failed.Error.Message; failed.Status != "failed" || !strings.Contains(why, "not enough disk space") && !strings.Contains(why, "no space left") {
		t.Errorf("on a full disk the job is %s", failed.RawJSON())
	}
	p.alive(t)
	kind, body := form("more.jsonl", `{"text": "good", "label": "pos"}`+"\n")
	if status, answer := p.ask(t, "POST", "/v1/files", kind, body); status != 507 {
		t.Errorf("an upload to a full disk: %d, %s", status, answer)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	next := over(t, api, newTestJob(t, api, dir, map[string]any{"max_steps": 2}).ID)
	if next.Status != "succeeded" {
		t.Errorf("with room again a job is %s", next.RawJSON())
	}
	p.stop(t)
	p = startServer(t, dir, "--model", "base", "--jobs_dir", "tuning")
	api = p.openAI()
	if again := over(t, api, job.ID); again.Status != "failed" {
		t.Errorf("after a restart the job that failed is %s", again.RawJSON())
	}
	if again := over(t, api, next.ID); again.Status != "succeeded" {
		t.Errorf("after a restart the job that succeeded is %s", again.RawJSON())
	}
	p.stop(t)
}
