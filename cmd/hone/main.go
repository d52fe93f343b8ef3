// Command hone fine-tunes small language models on private data and runs them. Each subcommand is a file of
// this folder; what it does stands in package hone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/internal/dial"
	"github.com/hone-ml/hone/train"
)

// commands is the command line. Flags have the reference's names; dashes and underscores mean the same.
type commands struct {
	Train     trainCommand     `cmd:"" help:"Fine-tune a model on a data set."`
	Sweep     sweepCommand     `cmd:"" help:"Train with several settings and tell which is best, and whether that is more than chance."`
	Eval      evalCommand      `cmd:"" help:"Measure a model on a data set: accuracy, F1 and confusion matrix, or loss and perplexity."`
	Predict   predictCommand   `cmd:"" help:"Classify texts with a trained classifier."`
	Generate  generateCommand  `cmd:"" help:"Continue a text."`
	Serve     serveCommand     `cmd:"" help:"Serve models over HTTP: OpenAI's and Ollama's routes, and /v1/classify."`
	Merge     mergeCommand     `cmd:"" help:"Make a whole model of an adapter and its base model."`
	Data      dataCommand      `cmd:"" help:"Look at a data set."`
	Tokenizer tokenizerCommand `cmd:"" help:"Make a tokenizer."`
	Pull      pullCommand      `cmd:"" help:"Download a model or a data set, to work offline later."`
	Import    importCommand    `cmd:"" help:"Turn a GGUF file into a folder in Hugging Face layout."`
	Export    exportCommand    `cmd:"" help:"Write a model as a GGUF file, for llama.cpp and Ollama, or as safetensors."`
	Bundle    bundleCommand    `cmd:"" help:"Pack program, models and data sets for a machine without network."`
	Models    modelsCommand    `cmd:"" help:"List the models and data sets in the cache."`
	Runs      runsCommand      `cmd:"" help:"List what was trained below a folder."`
	Rm        rmCommand        `cmd:"" help:"Remove runs, or models and data sets in the cache."`
	Bench     benchCommand     `cmd:"" help:"Measure this machine, and what hone makes of it."`
	Version   versionCommand   `cmd:"" help:"Print hone's version."`

	Offline bool `help:"Never use the network: take models and data sets from the cache and from folders only."`
	Threads int  `help:"Threads to compute with; 0 means one for each processor." default:"0" placeholder:"N"`
	Quiet   bool `short:"q" help:"Print results and errors only."`
}

// An app is what the commands share.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer // results
	stderr io.Writer // everything that people read while they wait
	flags  *commands
}

func main() {
	// The first signal asks for an orderly end, at which training saves a checkpoint; the second kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("hone"),
		kong.Description("Fine-tune small language models on private data, and use them, on your own machine.\n\n"+
			"  hone train --model gpt2 --dataset rotten_tomatoes --output_dir out\n"+
			"  hone predict --model out \"a gorgeous, witty film\""),
		kong.FlagNamer(snakeCase),
		kong.Configuration(loadYAML),
		kong.TypeMapper(reflect.TypeFor[train.Resume](), kong.MapperFunc(resume)),
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Exit(func(code int) { exited = code; panic(exit{}) }),
	)
	if err != nil {
		panic(err) // the grammar above is wrong
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exit); !ok {
				panic(r)
			}
			code = exited
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(spread(normalize(args, negatable(parser.Model)), parser.Model))
	if err != nil {
		fmt.Fprintf(stderr, "hone: %v\n", err)
		hint := "hone --help"
		var p *kong.ParseError
		if errors.As(err, &p) && p.Context.Command() != "" {
			hint = "hone " + strings.Fields(p.Context.Command())[0] + " --help"
		}
		fmt.Fprintf(stderr, "Run %q to see what there is.\n", hint)
		return 2
	}
	if c.Offline {
		dial.Forbid()
	}
	a := &app{ctx, stdin, stdout, stderr, &c}
	if err := k.Run(a); err != nil {
		if cut := (*train.Interrupted)(nil); errors.As(err, &cut) {
			fmt.Fprintf(stderr, "hone: interrupted after step %d of %d and saved as %s; the same command with --resume_from_checkpoint true goes on from there\n", cut.Step, cut.MaxSteps, cut.Dir)
			return 130
		}
		fmt.Fprintf(stderr, "hone: %s\n", strings.TrimPrefix(err.Error(), "hone: "))
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return 130
		}
		return 1
	}
	return 0
}

type exit struct{}

// say prints a line for people, unless they asked for quiet.
func (a *app) say(format string, args ...any) {
	if !a.flags.Quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

type versionCommand struct{}

func (versionCommand) Run(a *app) error {
	fmt.Fprintln(a.stdout, "hone", hone.Version())
	return nil
}
