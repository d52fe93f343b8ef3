package jobs

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// errLocked says that another process holds the lock.
var errLocked error = windows.ERROR_LOCK_VIOLATION

// lock takes f's lock until f is closed. Locks of Windows keep others from reading what they cover, so it covers a
// byte that no file reaches.
func lock(f *os.File) error {
	at := windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxInt32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

// apart lets the worker give way to the server, and keeps the server's Ctrl-C from it.
func apart(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.BELOW_NORMAL_PRIORITY_CLASS}
}

// lower has nothing to do: apart did it.
func lower(int) {}

// interrupt ends a worker: Windows has no signal that asks. The job goes on from its last checkpoint.
func interrupt(p *os.Process) error { return p.Kill() }
