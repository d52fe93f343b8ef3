package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hone-ml/hone/internal/tfevents"
	"github.com/hone-ml/hone/model"
)

// A board draws the logs in TensorBoard, under the reference's names: train/loss, eval/accuracy … nil draws nothing.
type board struct{ w *tfevents.Writer }

func openBoard(a *Args, c *model.Config) (*board, error) {
	if a.ReportTo != "tensorboard" {
		return nil, nil
	}
	host, _ := os.Hostname()
	dir := filepath.Join(a.OutputDir, "runs", time.Now().Format("Jan02_15-04-05_")+strings.ReplaceAll(host, string(filepath.Separator), "_"))
	w, err := tfevents.Create(dir)
	if err != nil {
		return nil, fmt.Errorf("train: report_to tensorboard: %w", err)
	}
	args, err := json.MarshalIndent(a, "", "  ")
	if err == nil {
		err = w.Text("args", string(args))
	}
	if err == nil {
		args, err = c.JSON()
	}
	if err == nil {
		err = w.Text("model_config", string(args))
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("train: report_to tensorboard: %w", err)
	}
	return &board{w}, nil
}

func (b *board) log(row Row) error {
	if b == nil {
		return nil
	}
	now := time.Now()
	for _, k := range row.Keys() {
		if k == "step" {
			continue
		}
		tag := "train/" + k
		if name, ok := strings.CutPrefix(k, "eval_"); ok {
			tag = "eval/" + name
		}
		if err := b.w.Scalar(tag, int64(row["step"]), row[k], now); err != nil {
			return fmt.Errorf("train: report_to tensorboard: %w", err)
		}
	}
	if err := b.w.Flush(); err != nil {
		return fmt.Errorf("train: report_to tensorboard: %w", err)
	}
	return nil
}

// Close ends the event file.
func (b *board) Close() error {
	if b == nil {
		return nil
	}
	return b.w.Close()
}
