//go:build unix

package jobs

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// errLocked says that another process holds the lock.
var errLocked error = unix.EWOULDBLOCK

// lock takes f's lock until f is closed.
func lock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// niceness of workers: they give way to the server, which answers people.
const niceness = 10

// apart puts the worker into a process group of its own: a Ctrl-C in the server's terminal is the server's to pass on.
func apart(c *exec.Cmd) { c.SysProcAttr = &unix.SysProcAttr{Setpgid: true} }

// lower makes a worker that has just started give way to others. Of the group, because Linux would lower only one thread of
// a process. That a system refuses is no reason not to train.
func lower(pid int) { unix.Setpriority(unix.PRIO_PGRP, pid, niceness) }

// interrupt asks a worker to save a checkpoint and end.
func interrupt(p *os.Process) error { return p.Signal(unix.SIGTERM) }
