//go:build !f64

package generate

import (
	"testing"

	"github.com/hone-ml/hone/compute/cpu"
)

// The processor's kernels generate the reference's ids too, in a batch and alone.
func TestGreedyOnCPU(t *testing.T) {
	d := cpu.New(2)
	for _, name := range names {
		m, ref := load(t, name)
		g := &Generator{Run: m.NewRun(d)}
		greedy := ref.Greedy["greedy"]
		c := parse(t, greedy.Arguments).Or(Config{MaxNewTokens: &ref.NewTokens})
		if got := ids(t, g, ref.Prompts, c); !equal(got, greedy.Alone) {
			t.Errorf("%s: ids\n%v, reference\n%v", name, got, greedy.Alone)
		}
		for i, p := range ref.Prompts {
			if got := ids(t, g, [][]int32{p}, c); !equal(got, greedy.Alone[i:i+1]) {
				t.Errorf("%s prompt %d alone: ids %v", name, i, got)
			}
		}
	}
}
