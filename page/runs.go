package page

import (
	"net/http"
	"os"
	"path/filepath"
	"sort"

	"github.com/hone-ml/hone/checkpoint"
)

// A Past is a run that made a model which is served here: what its folder still tells, in the shape of a job.
type Past struct {
	ID      string           `json:"id"`
	Object  string           `json:"object"`
	Model   string           `json:"fine_tuned_model"`
	Status  string           `json:"status"`
	Created int64            `json:"created_at"`
	Steps   int              `json:"max_steps"`
	Log     []checkpoint.Row `json:"log"` // log_history of trainer_state.json
}

// runs lists the runs that made the models served here and whose folders hold a trainer_state.json.
func (p *page) runs(w http.ResponseWriter, r *http.Request) {
	past := []Past{}
	if p.Models != nil {
		for name, dir := range p.Models() {
			if run, ok := pastRun(name, dir); ok {
				past = append(past, run)
			}
		}
	}
	sort.Slice(past, func(i, j int) bool { return past[i].Created > past[j].Created })
	reply(w, map[string]any{"object": "list", "data": past})
}

func pastRun(name, dir string) (Past, bool) {
	path := filepath.Join(dir, "trainer_state.json")
	info, err := os.Stat(path)
	if err != nil || info.Size() > 64<<20 {
		return Past{}, false
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Past{}, false
	}
	state, err := checkpoint.ParseState(b)
	if err != nil {
		return Past{}, false
	}
	for _, row := range state.LogHistory {
		for key, v := range row {
			if v != v || v-v != 0 {
				delete(row, key) // NaN and infinity, which JSON doesn't have
			}
		}
	}
	return Past{"run-" + name, "hone.run", name, "succeeded", info.ModTime().Unix(), state.MaxSteps, state.LogHistory}, true
}
