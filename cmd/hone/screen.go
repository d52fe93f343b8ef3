package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/internal/disk"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A screen shows what is going on: bars on a terminal, a plain line now and then elsewhere, nothing if quiet.
// It is safe for concurrent use.
type screen struct {
	out   io.Writer
	quiet bool
	bars  *mpb.Progress // nil where there is no terminal

	mu     sync.Mutex
	last   time.Time // of the last plain progress line
	open   map[string]*mpb.Bar
	starts map[string]origin   // of each bar
	done   map[string][2]int64 // downloads: bytes of each file and its size
	notes  sync.Map            // what stands behind each bar; read while bars are drawn
}

// An origin is when a bar was first seen and what was done by then, which may be much where a run goes on.
type origin struct {
	at   time.Time
	done int
}

// plainEvery is how often progress becomes a line where there is no terminal.
const plainEvery = 10 * time.Second

func (a *app) screen() *screen {
	s := &screen{out: a.stderr, quiet: a.flags.Quiet, open: map[string]*mpb.Bar{}, starts: map[string]origin{}, done: map[string][2]int64{}, last: time.Now()}
	if terminal(a.stderr) && !s.quiet {
		s.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(36), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return s
}

// terminal reports whether w, a stream, is a terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// line prints a line, above the bars if there are any.
func (s *screen) line(format string, args ...any) {
	if s.quiet {
		return
	}
	text := fmt.Sprintf(format+"\n", args...)
	if s.bars != nil {
		s.bars.Write([]byte(text))
		return
	}
	io.WriteString(s.out, text)
}

// bar shows how far something with a known end is, and how long it will still take; note says more.
func (s *screen) bar(name string, done, total int, note string) {
	if s.quiet || total == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	start, known := s.starts[name]
	if !known {
		start = origin{time.Now(), max(0, done-1)}
		s.starts[name], s.last = start, start.at
	}
	if s.bars == nil {
		if time.Since(s.last) >= plainEvery {
			s.last = time.Now()
			s.line("%s %d/%d (%d%%, %s)%s", name, done, total, 100*done/total, left(start, done, total), note)
		}
		return
	}
	b := s.open[name]
	if b == nil {
		b = s.bars.New(int64(total), mpb.BarStyle().Lbound("").Filler("█").Tip("█").Padding("░").Rbound(""),
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(name+" "), decor.CountersNoUnit("%d/%d ", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Any(func(st decor.Statistics) string {
				return " " + left(start, int(st.Current), int(st.Total)) + s.note(name)
			})))
		s.open[name] = b
	}
	s.notes.Store(name, note)
	b.SetCurrent(int64(done))
}

// left tells the time that is left, judged by the time so far.
func left(start origin, done, total int) string {
	if done <= start.done {
		return "…"
	}
	return duration(time.Duration(float64(time.Since(start.at))/float64(done-start.done)*float64(total-done))) + " left"
}

func (s *screen) note(name string) string {
	v, _ := s.notes.Load(name)
	text, _ := v.(string)
	return text
}

// end removes the bar of that name, so that a later one starts anew.
func (s *screen) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.starts, name)
	if b := s.open[name]; b != nil {
		b.Abort(true)
		b.Wait()
		delete(s.open, name)
	}
}

// download shows the progress of one of several files.
func (s *screen) download(p hub.Progress) {
	if s.quiet {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := p.Repo.ID + "/" + p.File
	if _, seen := s.done[name]; !seen && s.bars == nil {
		s.line("downloading %s (%s)", name, disk.Size(uint64(max(p.Total, 0))))
	}
	s.done[name] = [2]int64{p.Done, p.Total}
	if s.bars == nil {
		if time.Since(s.last) >= plainEvery {
			s.last = time.Now()
			var done, total int64
			for _, d := range s.done {
				done, total = done+d[0], total+max(d[1], 0)
			}
			s.line("downloaded %s of %s", disk.Size(uint64(done)), disk.Size(uint64(total)))
		}
		return
	}
	b := s.open[name]
	if b == nil {
		b = s.bars.New(p.Total, mpb.BarStyle().Lbound("").Filler("█").Tip("█").Padding("░").Rbound(""),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersKibiByte(" % .1f / % .1f "), decor.EwmaETA(decor.ET_STYLE_GO, 30)))
		s.open[name] = b
	}
	b.EwmaSetCurrent(p.Done, time.Since(s.last))
	s.last = time.Now()
}

// close waits until everything is drawn.
func (s *screen) close() {
	if s.bars == nil {
		return
	}
	s.mu.Lock()
	for _, b := range s.open {
		if !b.Completed() {
			b.Abort(false)
		}
	}
	s.mu.Unlock()
	s.bars.Wait()
}

// duration is a time for people: 42s, 3m05s, 2h10m.
func duration(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}
