package train

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/hone-ml/hone/internal/spell"
)

// Names returns the arguments' names in order.
func Names() (names []string) {
	t := reflect.TypeFor[Args]()
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("name"))
	}
	return names
}

// renamed are arguments of earlier releases of the reference.
var renamed = map[string]string{
	"evaluation_strategy":           "eval_strategy",
	"warmup_ratio":                  "warmup_steps, where a number below 1 is a ratio",
	"per_gpu_train_batch_size":      "per_device_train_batch_size",
	"per_gpu_eval_batch_size":       "per_device_eval_batch_size",
	"torch_dtype":                   "dtype",
	"bf16_stochastic_round":         "dtype: bfloat16",
	"group_by_length":               "train_sampling_strategy: group_by_length",
	"include_tokens_per_second":     "include_num_input_tokens_seen: all",
	"save_safetensors":              "nothing: hone writes safetensors only",
	"overwrite_output_dir":          "nothing: checkpoints are replaced step by step; use another output_dir for another run",
	"logging_dir":                   "nothing: event files are written to output_dir/runs",
	"do_train":                      "nothing: training is what this command does",
	"do_eval":                       "eval_strategy",
	"no_cuda":                       "nothing: hone computes on the processor",
	"use_cpu":                       "nothing: hone computes on the processor",
	"remove_unused_columns":         "nothing: columns are chosen by name",
	"dataloader_num_workers":        "nothing: batches are made faster than they are used",
	"dataloader_pin_memory":         "nothing: there is no other memory to copy to",
	"disable_tqdm":                  "nothing: progress is drawn on a terminal only",
	"ddp_find_unused_parameters":    "nothing: hone trains in one process",
	"average_tokens_across_devices": "nothing: hone trains in one process",
}

// absent are arguments that ask for what hone does not do.
var absent = []string{"fp16", "tf32", "fp16_full_eval", "bf16_full_eval", "deepspeed", "fsdp", "fsdp_config", "torch_compile",
	"use_liger_kernel", "auto_find_batch_size", "push_to_hub", "hub_model_id", "hub_token", "hub_strategy",
	"optim_args", "optim_target_modules", "predict_with_generate", "sortish_sampler", "full_determinism"}

// Unknown returns an error for a name that Names doesn't have: what the argument is called now, that hone does not
// have it, or the name that was likely meant.
func Unknown(name string) error {
	if now, ok := renamed[name]; ok {
		return fmt.Errorf("train: there is no argument %s; in its place stands %s", name, now)
	}
	if slices.Contains(absent, name) {
		return fmt.Errorf("train: %s is not supported: hone trains weights in float32 or bfloat16, in one process; leave it out", name)
	}
	if near := spell.Nearest(name, Names()); near != "" {
		return fmt.Errorf("train: there is no argument %s; did you mean %s?", name, near)
	}
	return fmt.Errorf("train: there is no argument %s", name)
}
