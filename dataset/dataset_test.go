package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func loadText(t testing.TB, name, text string) Dict {
	t.Helper()
	d, err := Load(write(t, t.TempDir(), name, text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestViews(t *testing.T) {
	d := counting(10)
	for _, c := range []struct {
		name string
		got  *Dataset
		want []int64
	}{
		{"select", d.Select([]int{3, 3, 0}), []int64{3, 3, 0}},
		{"slice", d.Slice(2, 5), []int64{2, 3, 4}},
		{"slice beyond", d.Slice(8, 50), []int64{8, 9}},
		{"head", d.Head(2), []int64{0, 1}},
		{"head of more", d.Head(20).Slice(9, 10), []int64{9}},
		{"filter", d.Filter(func(r Row) bool { i, _ := r.Int("i"); return i%4 == 1 }), []int64{1, 5, 9}},
		{"filter none", d.Filter(func(Row) bool { return false }), nil},
		{"view of view", d.Select([]int{9, 7, 5, 3}).Slice(1, 4).Select([]int{2, 0}), []int64{3, 7}},
		{"filter of view", d.Select([]int{9, 8, 7}).Filter(func(r Row) bool { i, _ := r.Int("i"); return i != 8 }), []int64{9, 7}},
	} {
		if got := order(t, c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := order(t, d); !slices.Equal(got, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("the data set itself changed: %v", got)
	}
	a, b := d.Shuffle(1), d.Shuffle(1)
	if !slices.Equal(order(t, a), order(t, b)) {
		t.Error("two shuffles with one seed differ")
	}
}

func TestPanicsOutside(t *testing.T) {
	for _, f := range []func(){
		func() { counting(3).Row(3) },
		func() { counting(3).Row(-1) },
		func() { counting(3).Select([]int{3}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

func TestMap(t *testing.T) {
	d := loadText(t, "a.jsonl", "{\"text\": \"b\", \"n\": 1}\n\n{\"text\": \"a\", \"n\": null}\n")[0].Dataset.Select([]int{1, 0, 1})
	m, err := d.Map(func(r Row) (map[string]any, error) {
		out := map[string]any{"len": len(r.Text("text")), "list": []int{1}, "text": r.Text("text") + "!"}
		if n, ok := r.Int("n"); ok {
			out["half"] = float64(n) / 2
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "[text n len list half] map[half:<nil> len:1 list:[1] n:<nil> text:a!] a.jsonl:3 map[half:0.5 len:1 list:[1] n:1 text:b!] a.jsonl:1"
	if got := fmt.Sprint(m.Columns(), " ", m.Row(2).Map(), " ", m.Where(0), " ", m.Row(1).Map(), " ", m.Row(1).Where()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := m.Select([]int{1}).Where(0); got != "a.jsonl:1" {
		t.Error(got)
	}
	boom := errors.New("boom")
	if _, err := d.Map(func(Row) (map[string]any, error) { return nil, boom }); !errors.Is(err, boom) || !strings.Contains(err.Error(), "a.jsonl:3") {
		t.Error(err)
	}
	k := 0
	_, err = d.Map(func(Row) (map[string]any, error) {
		k++
		return map[string]any{"x": []any{1, "a", true}[k-1]}, nil
	})
	if err == nil || !strings.Contains(err.Error(), `a.jsonl:1: column "x": a string doesn't fit`) {
		t.Error(err)
	}
}

func TestTypedAccess(t *testing.T) {
	d := loadText(t, "a.jsonl", "{\"s\": \"x\", \"i\": 1, \"z\": null}\n{\"s\": null, \"i\": null, \"z\": null}\n")[0].Dataset
	s, err := d.Strings("s")
	if err != nil || s.Len() != 2 || s.At(0) != "x" || s.At(1) != "" {
		t.Errorf("%v %v", s, err)
	}
	if z, err := d.Strings("z"); err != nil || z.At(1) != "" {
		t.Error(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{second(d.Strings("i")), `column "i" is int64, not string`},
		{second(d.Strings("q")), `no column "q"; the columns are "s", "i", "z"`},
		{second(d.Ints("i")), `a.jsonl:2: column "i" is null`},
		{second(d.Ints("s")), `column "s" is string, not int64`},
		{second(d.SelectColumns("i", "q")), `no column "q"`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
	if v, err := d.SelectColumns("z", "s"); err != nil || fmt.Sprint(v.Columns()) != "[z s]" {
		t.Errorf("%v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestEmpty(t *testing.T) {
	d := loadText(t, "a.jsonl", "")[0].Dataset
	if d.Len() != 0 || d.Shuffle(1).Len() != 0 || d.Head(3).Len() != 0 {
		t.Error("rows out of nothing")
	}
	if _, err := Infer(Dict{{"train", d}}, Task{}); err == nil {
		t.Error("a task without rows")
	}
}
