//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hone-ml/hone/checkpoint"
)

// TestNothingIsLost stops runs from outside and resumes them. All are of 120 steps with dropout, a checkpoint every
// 10, and must end with the same weights, to the bit, as one that nobody stopped.
func TestNothingIsLost(t *testing.T) {
	dir, want := unbroken(t)
	for name, test := range map[string]func(t *testing.T, dir string, want []byte){"killed": killed, "signals": signals, "full disk": fullDisk} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, dir, want)
		})
	}
}

func trainArgs(out string, more ...string) []string {
	return append([]string{"train", "--model", "base", "--dataset", "reviews", "--output_dir", out, "--max_steps", "120",
		"--save_steps", "10", "--save_total_limit", "2", "--logging_steps", "1", "--learning_rate", "1e-3"}, more...)
}

// unbroken makes a work folder with a run that nobody stopped, and returns the folder and the weights it ended with.
func unbroken(t *testing.T) (dir string, weights []byte) {
	t.Helper()
	dir = t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	if out, err := honeProcess(t, dir, trainArgs("whole", "--quiet")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, weightsOf(t, dir, "whole")
}

func weightsOf(t *testing.T, dir, out string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, out, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// resumed runs to the end from the last checkpoint and compares.
func resumed(t *testing.T, dir, out string, want []byte) {
	t.Helper()
	said, err := honeProcess(t, dir, trainArgs(out, "--resume_from_checkpoint", "true")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if !bytes.Contains(said, []byte("going on from "+out+"/checkpoint-")) {
		t.Errorf("resuming doesn't say so:\n%s", said)
	}
	if !bytes.Equal(weightsOf(t, dir, out), want) {
		t.Error("a resumed run ends with other weights than an unbroken one")
	}
}

// Killed again and again, at random, and each time resumed.
func killed(t *testing.T, dir string, want []byte) {
	const out = "killed"
	deadline := time.Now().Add(2 * time.Second)
	kills := 0
	for {
		last, err := checkpoint.Last(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		if last != "" && time.Now().After(deadline) {
			break
		}
		args := trainArgs(out, "--quiet")
		if last != "" {
			args = append(args, "--resume_from_checkpoint", "true")
		}
		var said bytes.Buffer
		c := honeProcess(t, dir, args...)
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- c.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("after %d kills: %v\n%s", kills, err, said.Bytes())
			}
			deadline = time.Time{}
		case <-time.After(time.Duration(30+rand.IntN(200)+10*kills) * time.Millisecond):
			c.Process.Kill()
			<-done
			kills++
		}
	}
	t.Logf("killed %d times", kills)
	if !deadline.IsZero() {
		if said, err := honeProcess(t, dir, trainArgs(out, "--resume_from_checkpoint", "true")...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	if !bytes.Equal(weightsOf(t, dir, out), want) {
		t.Errorf("a run that was killed %d times ends with other weights than an unbroken one", kills)
	}
}

// The first signal ends a run in good order.
func signals(t *testing.T, dir string, want []byte) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			out := fmt.Sprint("signal", int(sig))
			c := honeProcess(t, dir, trainArgs(out)...)
			said, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			lines, begun := bufio.NewScanner(said), false
			var last string
			for lines.Scan() {
				last = lines.Text()
				if fields := strings.Fields(last); !begun && len(fields) > 0 && fields[0] == "13" {
					begun = true
					if err := c.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.Wait()
			if code := c.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit code %d after a signal, expected 130", code)
			}
			var step int
			if _, err := fmt.Sscanf(last, "hone: interrupted after step %d of 120 and saved as "+out+"/checkpoint-", &step); err != nil || step < 13 {
				t.Errorf("the last line is %q", last)
			}
			if !strings.Contains(last, fmt.Sprintf("checkpoint-%d; the same command with --resume_from_checkpoint true", step)) {
				t.Errorf("the last line does not say how to go on: %q", last)
			}
			resumed(t, dir, out, want)
		})
	}
}

// A disk that is full ends the run with an error that names the last checkpoint, which is whole.
func fullDisk(t *testing.T, dir string, want []byte) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to set a limit with")
	}
	const out = "full"
	stopAfter(t, dir, out, "saved "+out+"/checkpoint-20")

	c := honeProcess(t, dir, trainArgs(out, "--resume_from_checkpoint", "true")...)
	// Files of more than 100 blocks, of 512 or 1024 bytes, can't be written: the weights have 170 kB.
	c.Args = slices.Concat([]string{"sh", "-c", `ulimit -f 100 && exec "$0" "$@"`}, c.Args)
	c.Path = sh
	said, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v\n%s", err, said)
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	last := lines[len(lines)-1]
	for _, want := range []string{"can't be saved", "too large", "the last checkpoint is intact", "resume_from_checkpoint=" + out + "/checkpoint-20"} {
		if !strings.Contains(last, want) {
			t.Errorf("the error is %q; expected it to say %q", last, want)
		}
	}
	resumed(t, dir, out, want)
}

// stopAfter kills a run when it says line.
func stopAfter(t *testing.T, dir, out, line string) {
	t.Helper()
	c := honeProcess(t, dir, trainArgs(out)...)
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	found := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if lines.Text() == line {
			found = true
			c.Process.Kill()
		}
	}
	c.Wait()
	if !found {
		t.Fatalf("the run never said %q", line)
	}
}
