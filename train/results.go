package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/checkpoint"
	"github.com/hone-ml/hone/internal/disk"
)

// writeResults writes trainer_state.json, training_args.json and the results files into output_dir. The evaluation
// is the last one of the weights that training ended with, those of step weightsOf, if there is one.
func (l *loop) writeResults(final Row, weightsOf int) error {
	dir := l.args.OutputDir
	args, err := json.MarshalIndent(l.settings(), "", "  ")
	if err != nil {
		return fmt.Errorf("train: training_args.json: %w", err)
	}
	if err := errors.Join(writeFile(dir, "trainer_state.json", l.state.Bytes()), writeFile(dir, "training_args.json", append(args, '\n'))); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, "all_results.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %w", err)
	}
	if err := SaveMetrics(dir, "train", final); err != nil {
		return err
	}
	for i := len(l.state.LogHistory) - 1; i >= 0; i-- {
		if row := l.state.LogHistory[i]; row["step"] == float64(weightsOf) && row["eval_runtime"] > 0 {
			return SaveMetrics(dir, "eval", row)
		}
	}
	return nil
}

// SaveMetrics writes row, without its step, to dir/SPLIT_results.json and adds it to dir/all_results.json, as the
// reference's save_metrics does.
func SaveMetrics(dir, split string, row Row) error {
	all := Row{}
	b, err := os.ReadFile(filepath.Join(dir, "all_results.json"))
	if err == nil {
		err = all.UnmarshalJSON(b)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: %s: %w", filepath.Join(dir, "all_results.json"), err)
	}
	one := Row{}
	for k, v := range row {
		if k != "step" {
			one[k], all[k] = v, v
		}
	}
	return errors.Join(writeFile(dir, split+"_results.json", checkpoint.Marshal(one, 4)), writeFile(dir, "all_results.json", checkpoint.Marshal(all, 4)))
}

func writeFile(dir, name string, b []byte) error {
	err := disk.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}
