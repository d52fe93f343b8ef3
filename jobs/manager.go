package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hone-ml/hone/internal/disk"
)

// Options of a Manager. Worker is needed; the zero values of the others are right for most.
type Options struct {
	// Worker is the command that trains, to which the flags of hone train are added: hone's own path and "train".
	Worker []string
	// Model says what a name that a user gives stands for: what hone train takes as --model. Nil takes names on the Hub.
	Model func(name string) (string, error)
	// Done is told of a tuned model that is ready in dir: when a job has succeeded, and of all such jobs in Open.
	Done func(model, dir string) error
	// Gone is told that a model is about to be deleted.
	Gone func(model string)
	Log  *slog.Logger // nil: slog.Default

	MaxFileBytes int64         // of one upload; 0 is 512 MiB
	MaxFiles     int           // uploads that are kept; 0 is 1,000
	MaxJobs      int           // jobs that are not over; 0 is 100
	MaxStalls    int           // workers of a job that may die one after the other without a new checkpoint; 0 is 3
	Grace        time.Duration // how long a worker may take to save a checkpoint when it is asked to end; 0 is 2 minutes
}

func (o *Options) defaults() error {
	if len(o.Worker) == 0 {
		return errors.New("jobs: Options.Worker is empty; give hone's path and \"train\"")
	}
	if o.Model == nil {
		o.Model = HubName
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = 512 << 20
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = 1000
	}
	if o.MaxJobs == 0 {
		o.MaxJobs = 100
	}
	if o.MaxStalls == 0 {
		o.MaxStalls = 3
	}
	if o.Grace == 0 {
		o.Grace = 2 * time.Minute
	}
	return nil
}

var hubName = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*$`)

// HubName returns name if it can be that of a model on the Hub, and an error for everything else, paths above all.
func HubName(name string) (string, error) {
	if !hubName.MatchString(name) || strings.Contains(name, "..") {
		return "", fmt.Errorf("model %.100q is not known: name one that is served, or one of the Hub such as gpt2", name)
	}
	return name, nil
}

// A Manager keeps the files and jobs of one folder and trains the jobs, one at a time.
type Manager struct {
	files, jobs string // folders
	o           Options
	log         *slog.Logger
	held        *os.File // DIR/lock

	mu      sync.Mutex
	uploads map[string]*File
	all     map[string]*job

	wake    chan struct{} // there may be a job to train
	ctx     context.Context
	end     context.CancelFunc // begins an orderly end
	hurry   chan struct{}      // closed when that has taken too long
	working sync.WaitGroup
	loading chan struct{} // one data set at a time is checked
}

// Open takes over the folder dir, which it makes if need be, and goes on with the jobs there. Only one Manager can have
// a folder open. What is broken in it is logged and left alone. Close the Manager to stop.
func Open(dir string, o Options) (*Manager, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	m := &Manager{files: filepath.Join(dir, "files"), jobs: filepath.Join(dir, "jobs"), o: o, log: o.Log,
		uploads: map[string]*File{}, all: map[string]*job{},
		wake: make(chan struct{}, 1), hurry: make(chan struct{}), loading: make(chan struct{}, 1)}
	if err = os.MkdirAll(m.files, 0o700); err == nil {
		err = os.MkdirAll(m.jobs, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if m.held, err = take(filepath.Join(dir, "lock")); err != nil {
		return nil, err
	}
	if err := errors.Join(disk.CleanTemp(m.files), disk.CleanTemp(m.jobs), m.loadFiles(), m.loadJobs()); err != nil {
		m.held.Close()
		return nil, fmt.Errorf("jobs: %w", err)
	}
	m.ctx, m.end = context.WithCancel(context.Background())
	m.start()
	return m, nil
}

// take locks a folder.
func take(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	if err := lock(f); err != nil {
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("jobs: %s is in use by another server; give this one a folder of its own", filepath.Dir(path))
		}
		return nil, fmt.Errorf("jobs: %s can't be locked: %w; choose a folder on another disk", path, err)
	}
	return f, nil
}

// loadJobs reads all jobs.
func (m *Manager) loadJobs() error {
	entries, err := os.ReadDir(m.jobs)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !jobID.MatchString(e.Name()) {
			continue
		}
		j, err := loadJob(filepath.Join(m.jobs, e.Name()))
		if err != nil {
			m.log.Warn("jobs: a job is left out", "error", err)
			continue
		}
		m.all[j.ID] = j
	}
	return nil
}

// start tells of the models that are ready and goes on with what is to be done.
func (m *Manager) start() {
	for _, j := range m.sorted() {
		switch {
		case j.Status == succeeded:
			m.ready(j)
		case j.Status == validating:
			m.validateSoon(j)
		}
	}
	m.working.Add(1)
	go func() {
		defer m.working.Done()
		m.run()
	}()
}

// ready tells that the model of a job is there.
func (m *Manager) ready(j *job) {
	if m.o.Done == nil {
		return
	}
	if err := m.o.Done(j.Tuned, j.path("model")); err != nil {
		m.log.Error("jobs: a tuned model can't be served", "model", j.Tuned, "error", err)
		m.note(j, "warn", "the model is trained but can't be served: %v", m.clean(j, err.Error()))
	}
}

// sorted returns all jobs, the newest first.
func (m *Manager) sorted() []*job {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []*job{}
	for _, j := range m.all {
		list = append(list, j)
	}
	slices.SortFunc(list, func(a, b *job) int { return newest(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	return list
}

// Close ends in good order: the job that trains saves a checkpoint, and goes on when its folder is opened again. When
// ctx is cancelled the worker is killed.
func (m *Manager) Close(ctx context.Context) error {
	m.end()
	done := make(chan struct{})
	go func() { m.working.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		close(m.hurry)
		<-done
	}
	m.mu.Lock()
	m.catchUp()
	m.mu.Unlock()
	return m.held.Close()
}

// clean takes this machine's paths out of a message for the client: files of the job are named as the user named
// them.
func (m *Manager) clean(j *job, message string) string {
	for i, split := range []string{"train", "validation"} {
		if j.Filenames[i] == "" {
			continue
		}
		name := split + extension(j.Filenames[i])
		for _, p := range []string{j.path(filepath.Join("data", name)), filepath.Join("data", name), name} {
			message = strings.ReplaceAll(message, p, j.Filenames[i])
		}
	}
	message = strings.ReplaceAll(message, j.dir+string(filepath.Separator), "")
	return strings.ReplaceAll(message, m.jobs, "…")
}
