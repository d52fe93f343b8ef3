package main

import (
	"context"
	"fmt"
	"log/slog"
)

// A hubLog shows what the Hub's client logs as lines of the screen: "trying again in 2s after …".
type hubLog struct{ *screen }

func (hubLog) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h hubLog) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s %v", a.Key, a.Value)
		return true
	})
	h.line("%s", text)
	return nil
}

// WithAttrs and WithGroup are not used by package hub.
func (h hubLog) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h hubLog) WithGroup(string) slog.Handler      { return h }
