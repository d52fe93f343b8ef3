package safetensors_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hone-ml/hone/safetensors"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	err = safetensors.Write(path, []safetensors.Tensor{
		safetensors.Float32("ln_f.weight", safetensors.F32, []int{3}, []float32{1, 2, 3}),
		safetensors.Float32("wte.weight", safetensors.BF16, []int{2, 2}, []float32{0.5, 1, 1.5, 2}),
	}, map[string]string{"format": "pt"})
	if err != nil {
		log.Fatal(err)
	}

	f, err := safetensors.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v := make([]float32, info.Elements())
		if err := f.ReadFloat32(v, name); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, info.Dtype, info.Shape, v)
	}
	// Output:
	// ln_f.weight F32 [3] [1 2 3]
	// wte.weight BF16 [2 2] [0.5 1 1.5 2]
}

// A weight that is kept transposed goes out row by row.
func ExampleEncoder_Float32() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	w := [3][2]float32{{1, 2}, {3, 4}, {5, 6}} // 3×2 in memory, 2×3 in the file
	transposed := safetensors.Tensor{
		Name: "c_attn.weight", Dtype: safetensors.F16, Shape: []int{2, 3},
		Data: func(e *safetensors.Encoder) error {
			row := make([]float32, 3)
			for j := range 2 {
				for i := range row {
					row[i] = w[i][j]
				}
				if err := e.Float32(row); err != nil {
					return err
				}
			}
			return nil
		},
	}
	if err := safetensors.WriteDir(dir, []safetensors.Tensor{transposed}, nil, 0); err != nil {
		log.Fatal(err)
	}

	f, err := safetensors.OpenDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	second := make([]float32, 3)
	if err := f.ReadFloat32Rows(second, "c_attn.weight", 1, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(second)
	// Output: [2 4 6]
}
