//go:build linux || darwin

package disk

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this binary be the writer that TestCrash kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HONE_DISK_CRASH"); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

func writeForever(dir string) {
	for i := 1; ; i++ {
		gen := strconv.Itoa(i)
		err := WriteFile(filepath.Join(dir, "file"), func(w io.Writer) error {
			for range 20 {
				w.Write(bytes.Repeat([]byte(gen[:1]), 20_000))
			}
			return nil
		})
		if err = errors.Join(err, WriteDir(filepath.Join(dir, "dir"), fill(gen))); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(3)
		}
	}
}

func TestCrash(t *testing.T) {
	dir := t.TempDir()
	deadline := time.Now().Add(2 * time.Second)
	seen := map[string]bool{}
	for kills := 0; time.Now().Before(deadline); kills++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "HONE_DISK_CRASH="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+rand.IntN(60)) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		if cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the writer ended by itself: %v %s", cmd.ProcessState, stderr.String())
		}
		// Before and after cleaning: whole, if ever there.
		for range 2 {
			if b, err := os.ReadFile(filepath.Join(dir, "file")); err == nil {
				if len(b) != 400_000 || bytes.Count(b, b[:1]) != len(b) {
					t.Fatalf("kill %d: a half-written file of %d bytes", kills, len(b))
				}
			} else if seen["file"] {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "dir")); err == nil {
				generation(t, filepath.Join(dir, "dir"))
			} else if seen["dir"] && exchangeWorks(t) {
				t.Fatal(err)
			}
			if err := CleanTemp(dir); err != nil {
				t.Fatal(err)
			}
		}
		for name := range strings.FieldsSeq(names(t, dir)) {
			if name != "file" && name != "dir" {
				t.Fatalf("left after cleaning: %s", name)
			}
			seen[name] = true
		}
	}
	if !seen["file"] || !seen["dir"] {
		t.Errorf("the writer never got to write: %v", seen)
	}
}

func exchangeWorks(t *testing.T) bool {
	d := t.TempDir()
	a, b := filepath.Join(d, "a"), filepath.Join(d, "b")
	if err := errors.Join(os.Mkdir(a, 0o777), os.Mkdir(b, 0o777)); err != nil {
		t.Fatal(err)
	}
	return exchange(a, b) == nil
}

func TestDiskFullError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	full := func(io.Writer) error { return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} }
	err := WriteFile(path, full)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "disk full while writing "+path+"; nothing was left behind") {
		t.Error(err)
	}
	if err := WriteFile(path, writeString("old")); err != nil {
		t.Fatal(err)
	}
	err = WriteFile(path, full)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the previous file is intact") {
		t.Error(err)
	}
	if read(t, path) != "old" || names(t, dir) != "f" {
		t.Errorf("file %q, folder %s", read(t, path), names(t, dir))
	}
}
