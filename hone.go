// Package hone fine-tunes small language models on private data: it reads what Hugging Face's libraries read,
// trains as transformers' Trainer trains, and writes what any other tool can load.
//
// This package puts the parts together: FineTune is the whole job, Open finds models and data sets by name, and
// Classifier and pipeline use what came out. The parts themselves, from hub to generate, can be used alone.
package hone

import "runtime/debug"

// version is what the linker was told, for builds that don't see the repository: -X github.com/hone-ml/hone.version=v1.2.
var version string

// Version returns the version that the binary was built from.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v
}
