package dataset

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"testing"
)

// fixture decodes testdata/name.
func fixture(t testing.TB, name string, v any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// counting is a data set of one column i: 0, 1, … n-1.
func counting(n int) *Dataset {
	c := &column{Feature: Feature{Name: "i"}}
	for i := range n {
		c.appendInt(int64(i))
	}
	return &Dataset{cols: []*column{c}, n: n}
}

func order(t testing.TB, d *Dataset) []int64 {
	t.Helper()
	if d.Len() == 0 {
		return nil
	}
	v, err := d.Ints("i")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOrdersOfTheReference(t *testing.T) {
	var want struct {
		Permutations []struct {
			N     int
			Seed  string
			At    []int
			Order []int64
		}
		Splits []struct {
			N           int
			Seed        uint64
			TestSize    float64 `json:"test_size"`
			Train, Test []int64
			Error       bool
		}
	}
	fixture(t, "permutations.json", &want)
	for _, w := range want.Permutations {
		seed, err := strconv.ParseUint(w.Seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got := order(t, counting(w.N).Shuffle(seed))
		if w.At != nil {
			for i, at := range w.At {
				if got[at] != w.Order[i] {
					t.Errorf("n %d, seed %d: [%d] = %d, want %d", w.N, seed, at, got[at], w.Order[i])
				}
			}
		} else if !slices.Equal(got, w.Order) {
			t.Errorf("n %d, seed %d: %v, want %v", w.N, seed, got, w.Order)
		}
	}
	for _, w := range want.Splits {
		train, test, err := counting(w.N).TrainTestSplit(w.TestSize, w.Seed)
		if (err != nil) != w.Error {
			t.Errorf("n %d, test size %v: error %v, want one: %v", w.N, w.TestSize, err, w.Error)
		}
		if err != nil {
			continue
		}
		if !slices.Equal(order(t, train), w.Train) || !slices.Equal(order(t, test), w.Test) {
			t.Errorf("n %d, seed %d, test size %v: %v and %v, want %v and %v", w.N, w.Seed, w.TestSize,
				order(t, train), order(t, test), w.Train, w.Test)
		}
	}
}
