package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A Report is what a classifier achieved on rows of known class.
type Report struct {
	Classes   []string
	Confusion Confusion
	Loss      float64 // the language-modelling loss of the right label words
	// CalibrationError is the expected calibration error, in 15 bins: how far the stated probability of the
	// predicted class is from how often that class is right.
	CalibrationError float64
}

// Accuracy returns the share of right predictions and its 95 % Wilson interval.
func (r *Report) Accuracy() (share, low, high float64) {
	n, right := r.Confusion.Total()
	low, high = Wilson(right, n)
	return ratio(float64(right), float64(n)), low, high
}

// Baseline returns the most frequent class and the accuracy of always predicting it.
func (r *Report) Baseline() (class int, accuracy float64) {
	most := 0
	for i := range r.Confusion {
		if s := r.Confusion.Class(i).Support; s > most {
			class, most = i, s
		}
	}
	n, _ := r.Confusion.Total()
	return class, ratio(float64(most), float64(n))
}

// Metrics returns the numbers under the names of the reference's evaluate library: loss, accuracy, precision,
// recall and f1. With two classes the last three are those of class 1, scikit-learn's default for binary labels;
// with more they are macro averages. The macro averages are there as f1_macro and so on in either case; further
// accuracy_low and accuracy_high, the 95 % interval, baseline_accuracy and calibration_error.
func (r *Report) Metrics() map[string]float64 {
	accuracy, low, high := r.Accuracy()
	_, baseline := r.Baseline()
	macro := r.Confusion.Macro()
	main := macro
	if len(r.Confusion) == 2 {
		main = r.Confusion.Class(1)
	}
	return map[string]float64{
		"loss": r.Loss, "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, "baseline_accuracy": baseline,
		"precision": main.Precision, "recall": main.Recall, "f1": main.F1,
		"precision_macro": macro.Precision, "recall_macro": macro.Recall, "f1_macro": macro.F1,
		"calibration_error": r.CalibrationError,
	}
}

// MarshalJSON writes the metrics, the scores of each class and the averages as scikit-learn's
// classification_report(output_dict=True) names them, and the confusion matrix.
func (r *Report) MarshalJSON() ([]byte, error) {
	classes := make([]named, len(r.Classes))
	for i, name := range r.Classes {
		classes[i] = named{name, r.Confusion.Class(i)}
	}
	metrics := r.Metrics()
	for name, v := range metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			delete(metrics, name) // JSON has no such numbers
		}
	}
	n, _ := r.Confusion.Total()
	return json.Marshal(struct {
		Examples  int                `json:"examples"`
		Metrics   map[string]float64 `json:"metrics"`
		Classes   []named            `json:"classes"`
		Macro     Scores             `json:"macro avg"`
		Weighted  Scores             `json:"weighted avg"`
		Confusion Confusion          `json:"confusion_matrix"`
	}{n, metrics, classes, r.Confusion.Macro(), r.Confusion.Weighted(), r.Confusion})
}

type named struct {
	Name string `json:"name"`
	Scores
}

// String returns a table to read: accuracy with its interval, scores by class, the confusion matrix.
func (r *Report) String() string {
	var b strings.Builder
	n, right := r.Confusion.Total()
	accuracy, low, high := r.Accuracy()
	class, baseline := r.Baseline()
	fmt.Fprintf(&b, "accuracy  %.4f  (%d of %d; 95 %% interval %.4f to %.4f)\n", accuracy, right, n, low, high)
	fmt.Fprintf(&b, "baseline  %.4f  (always %s)\n", baseline, r.Classes[class])
	fmt.Fprintf(&b, "loss      %.4f\n", r.Loss)
	fmt.Fprintf(&b, "calibration error  %.4f\n\n", r.CalibrationError)

	scores := [][]string{{"", "precision", "recall", "f1-score", "support"}}
	add := func(name string, s Scores) {
		scores = append(scores, []string{name, fmt.Sprintf("%.4f", s.Precision), fmt.Sprintf("%.4f", s.Recall), fmt.Sprintf("%.4f", s.F1), fmt.Sprint(s.Support)})
	}
	for i, name := range r.Classes {
		add(name, r.Confusion.Class(i))
	}
	add("macro avg", r.Confusion.Macro())
	add("weighted avg", r.Confusion.Weighted())
	table(&b, scores)

	b.WriteString("\nrows are true classes, columns are predicted ones\n\n")
	counts := [][]string{append([]string{""}, r.Classes...)}
	for i, row := range r.Confusion {
		line := []string{r.Classes[i]}
		for _, k := range row {
			line = append(line, fmt.Sprint(k))
		}
		counts = append(counts, line)
	}
	table(&b, counts)
	return b.String()
}

// table writes cells in columns: the first flush left, the others flush right.
func table(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for j, cell := range row {
			width[j] = max(width[j], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for j, cell := range row {
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(cell))
			if j == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
}
