package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hone-ml/hone/internal/spell"
	"github.com/hone-ml/hone/train"
)

// A request is the body of POST /v1/fine_tuning/jobs.
type request struct {
	Model           string            `json:"model"`
	TrainingFile    string            `json:"training_file"`
	ValidationFile  string            `json:"validation_file"`
	Suffix          string            `json:"suffix"`
	Seed            *int64            `json:"seed"`
	Hyperparameters *hyperparameters  `json:"hyperparameters"` // the older place
	Method          *method           `json:"method"`
	Metadata        map[string]string `json:"metadata"`
	Integrations    []any             `json:"integrations"`

	Hone map[string]any `json:"hone"` // flags of hone train by name; not OpenAI's
}

type method struct {
	Type       string `json:"type"`
	Supervised *struct {
		Hyperparameters *hyperparameters `json:"hyperparameters"`
	} `json:"supervised"`
	DPO           json.RawMessage `json:"dpo"`
	Reinforcement json.RawMessage `json:"reinforcement"`
}

// hyperparameters are OpenAI's, which nil or "auto" leaves to hone train.
type hyperparameters struct {
	Epochs     auto `json:"n_epochs"`
	BatchSize  auto `json:"batch_size"`
	Multiplier auto `json:"learning_rate_multiplier"` // of learning_rate
}

// An auto is a number, or nil for "auto".
type auto struct{ x *float64 }

// UnmarshalJSON reads a number, "auto" or null.
func (a *auto) UnmarshalJSON(b []byte) error {
	if s := string(b); s == `"auto"` || s == "null" {
		a.x = nil
		return nil
	}
	if err := json.Unmarshal(b, &a.x); err != nil {
		return fmt.Errorf(`a hyperparameter is %.40s; expected a number or "auto"`, b)
	}
	return nil
}

// options are the flags of hone train that are not of train.Args, by name and type.
type options struct {
	*train.Args
	Task             string   `json:"task"`
	TextColumn       string   `json:"text_column"`
	LabelColumn      string   `json:"label_column"`
	PromptColumn     string   `json:"prompt_column"`
	CompletionColumn string   `json:"completion_column"`
	MessagesColumn   string   `json:"messages_column"`
	Labels           []string `json:"labels"`
	TestSize         float64  `json:"test_size"`
	MaxTrainSamples  int      `json:"max_train_samples"`
	MaxEvalSamples   int      `json:"max_eval_samples"`
	Template         string   `json:"template"`
	LabelWords       []string `json:"label_words"`
	MaxLength        int      `json:"max_length"`

	Lora              bool     `json:"lora"`
	LoraR             int      `json:"lora_r"`
	LoraAlpha         float64  `json:"lora_alpha"`
	LoraDropout       float64  `json:"lora_dropout"`
	LoraTargetModules []string `json:"lora_target_modules"`
	LoraModulesToSave []string `json:"lora_modules_to_save"`
	LoraBias          string   `json:"lora_bias"`
	UseRslora         bool     `json:"use_rslora"`
}

// allowed are the flags of hone train that a request may set: none that names a file, a folder or a model.
var allowed = strings.Fields(`
	task text_column label_column prompt_column completion_column messages_column labels
	test_size max_train_samples max_eval_samples template label_words max_length
	lora lora_r lora_alpha lora_dropout lora_target_modules lora_modules_to_save lora_bias use_rslora
	per_device_train_batch_size per_device_eval_batch_size gradient_accumulation_steps num_train_epochs max_steps
	learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps optim adam_beta1 adam_beta2 adam_epsilon weight_decay max_grad_norm
	label_smoothing_factor gradient_checkpointing activation_checkpointing seed data_seed train_sampling_strategy dataloader_drop_last
	logging_strategy logging_steps logging_first_step logging_nan_inf_filter eval_strategy eval_steps eval_delay eval_on_start
	save_strategy save_steps save_total_limit save_only_model load_best_model_at_end metric_for_best_model greater_is_better
	early_stopping_patience early_stopping_threshold`)

// usual are the settings of a job that nobody chose: checkpoints ten times a run, so that little is lost with a worker.
var usual = map[string]any{"save_steps": 0.1, "save_total_limit": 1, "include_num_input_tokens_seen": "non_padding"}

// maxRequest bounds a request's JSON, in bytes.
const maxRequest = 1 << 20

// decodeRequest reads and checks the body of a request to create a job. The error is for the client.
func decodeRequest(r io.Reader) (*request, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	d.UseNumber()
	q := &request{}
	if err := d.Decode(q); err != nil {
		return nil, refuse("", "the body is not the JSON of a job: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse("", "the body goes on after the JSON of a job")
	}
	return q, q.check()
}

var suffixes = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

func (q *request) check() error {
	switch {
	case q.Model == "":
		return refuse("model", "model is missing: name the model to start from")
	case len(q.Model) > 200:
		return refuse("model", "the model's name has %d bytes; names have at most 200", len(q.Model))
	case q.TrainingFile == "":
		return refuse("training_file", "training_file is missing: upload one to /v1/files and give its id")
	case !suffixes.MatchString(q.Suffix):
		return refuse("suffix", "suffix is %.80q; expected at most 64 letters, digits, dots, dashes and underscores", q.Suffix)
	case len(q.Integrations) > 0:
		return refuse("integrations", "this server sends nothing to others: leave integrations out and read the job's events")
	case len(q.Metadata) > 16:
		return refuse("metadata", "metadata has %d pairs; expected at most 16", len(q.Metadata))
	}
	for k, v := range q.Metadata {
		if len(k) > 64 || len(v) > 512 {
			return refuse("metadata", "metadata %.64q is too long: keys have at most 64 bytes, values 512", k)
		}
	}
	if m := q.Method; m != nil {
		if m.Type != "" && m.Type != "supervised" || m.DPO != nil || m.Reinforcement != nil {
			return refuse("method", "method %.40q is not known; this server has supervised", m.Type)
		}
		if m.Supervised != nil && m.Supervised.Hyperparameters != nil {
			if q.Hyperparameters != nil {
				return refuse("hyperparameters", "hyperparameters stand in two places; give them in method.supervised only")
			}
			q.Hyperparameters = m.Supervised.Hyperparameters
		}
	}
	if q.Hyperparameters == nil {
		q.Hyperparameters = &hyperparameters{}
	}
	if q.Seed == nil {
		seed := rand.Int64N(1 << 31)
		q.Seed = &seed
	}
	_, _, err := q.settings()
	return err
}

// settings returns what the request sets of hone train, and all arguments as they will be.
func (q *request) settings() (map[string]any, *train.Args, error) {
	set := maps.Clone(usual)
	for name, v := range q.Hone {
		if !slices.Contains(allowed, name) {
			return nil, nil, refuse("hone", "hone.%.60s is not a setting that a job may have%s", name, spell.Hint(name, allowed))
		}
		set[name] = v
	}
	args := train.Defaults()
	if err := decodeSettings(set, &args); err != nil {
		return nil, nil, err
	}
	h := q.Hyperparameters
	for _, p := range []struct {
		openAI, hone string
		value        *float64
		scale        float64
	}{
		{"n_epochs", "num_train_epochs", h.Epochs.x, 1}, {"batch_size", "per_device_train_batch_size", h.BatchSize.x, 1},
		{"learning_rate_multiplier", "learning_rate", h.Multiplier.x, args.LearningRate},
	} {
		_, twice := q.Hone[p.hone]
		switch {
		case p.value == nil:
		case twice && p.hone != "learning_rate":
			return nil, nil, refuse("hyperparameters", "%s and hone.%s are the same: give one of them", p.openAI, p.hone)
		case !(*p.value > 0):
			return nil, nil, refuse("hyperparameters", "%s is %g; expected a number above 0", p.openAI, *p.value)
		default:
			set[p.hone] = *p.value * p.scale
		}
	}
	if _, ok := set["seed"]; !ok {
		set["seed"] = *q.Seed
	}
	if err := decodeSettings(set, &args); err != nil {
		return nil, nil, err
	}
	checked := args
	if err := checked.Check(); err != nil {
		return nil, nil, refuse("hone", "%w", err)
	}
	return set, &args, nil
}

// decodeSettings checks the types of settings and fills args with those that are arguments.
func decodeSettings(set map[string]any, args *train.Args) error {
	b, err := json.Marshal(set)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &options{Args: args}); err != nil {
		if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
			return refuse("hone", "%s is a %s; expected %s", t.Field, t.Value, kind(t))
		}
		return refuse("hone", "%w", err)
	}
	return nil
}

// kind is the type that a setting should have, in words.
func kind(t *json.UnmarshalTypeError) string {
	switch name := t.Type.Kind().String(); {
	case strings.HasPrefix(name, "int"):
		return "a whole number"
	case strings.HasPrefix(name, "float"):
		return "a number"
	case name == "bool":
		return "true or false"
	case name == "slice":
		return "a list of strings"
	default:
		return "a string"
	}
}

// config is the YAML of hone train --config: a name and a JSON value on each line.
func config(set map[string]any) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(set)) {
		fmt.Fprintf(&out, "%s: ", name)
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(set[name]); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

var plain = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// tunedName is the name of a job's model: ft:base:suffix:id. The base of a tuned model is what that was tuned from.
func tunedName(base, suffix, id string) string {
	if rest, ok := strings.CutPrefix(base, "ft:"); ok {
		base, _, _ = strings.Cut(rest, ":")
	}
	return "ft:" + plain.ReplaceAllString(path.Base(base), "-") + ":" + suffix + ":" + id[len(id)-8:]
}
