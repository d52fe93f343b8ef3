package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hone-ml/hone"
	"github.com/hone-ml/hone/bundle"
	"github.com/hone-ml/hone/hub"
	"github.com/hone-ml/hone/lora"
)

type bundleCommand struct {
	Create bundleCreate `cmd:"" default:"withargs" help:"Pack this program, models and data sets into one archive."`
	Verify bundleVerify `cmd:"" help:"Check an archive against its hashes."`
	Unpack bundleUnpack `cmd:"" help:"Check an archive and write its files into a new folder."`
}

type bundleCreate struct {
	File    string   `arg:"" help:"The archive to write." placeholder:"OUT.tar.zst"`
	Model   []string `help:"Models: folders, or names on the Hub." placeholder:"NAME"`
	Dataset []string `help:"Data sets: files, folders, or names on the Hub." placeholder:"NAME"`
	Config  string   `help:"Which configuration of the data sets on the Hub, where they have several."`
	Binary  string   `help:"The hone to pack, where the other machine is of another kind; without it, this one." placeholder:"FILE"`
}

// Validate is called by kong.
func (c bundleCreate) Validate() error {
	if len(c.Model)+len(c.Dataset) == 0 {
		return fmt.Errorf("name what to pack, as in \"hone bundle kit.tar.zst --model gpt2 --dataset rotten_tomatoes\"")
	}
	return nil
}

func (c bundleCreate) Run(a *app) error {
	h, s, err := a.hub()
	if err != nil {
		return err
	}
	defer s.close()
	program, err := c.program()
	if err != nil {
		return err
	}
	kit := &kit{files: []bundle.Source{program}}
	for _, name := range c.Model {
		if err := kit.model(a.ctx, h, name); err != nil {
			return err
		}
	}
	for _, name := range c.Dataset {
		if err := kit.dataset(a.ctx, h, name, c.Config); err != nil {
			return err
		}
	}
	kit.files = append(kit.files, bundle.Source{Path: "README.txt", Content: []byte(kit.readme(program.Path))})
	m, err := bundle.Write(a.ctx, c.File, "hone "+hone.Version(), kit.files, bytesBar(s, "packing"))
	s.end("packing")
	if err != nil {
		return err
	}
	s.line("packed %s, %s, into %s", plural(len(m.Files), "file"), size(m.Bytes()), c.File)
	s.line("On the other machine: hone bundle unpack %s kit, or tar --zstd -xf %s; README.txt in it tells the rest.", filepath.Base(c.File), filepath.Base(c.File))
	return nil
}

// program is the binary to pack.
func (c bundleCreate) program() (bundle.Source, error) {
	from, name := c.Binary, "bin/hone"
	if from == "" {
		var err error
		if from, err = os.Executable(); err != nil {
			return bundle.Source{}, err
		}
	}
	if info, err := os.Stat(from); err != nil || !info.Mode().IsRegular() {
		return bundle.Source{}, fmt.Errorf("the program to pack, %s, is no file (%v)", from, err)
	}
	if strings.EqualFold(filepath.Ext(from), ".exe") {
		name += ".exe"
	}
	return bundle.Source{Path: name, From: from, Executable: true}, nil
}

// A kit is what goes into an archive.
type kit struct {
	files            []bundle.Source
	models, datasets []string // paths in it
}

func (k *kit) model(ctx context.Context, h *hub.Client, name string) error {
	dir, err := hone.ModelDir(ctx, h, name, "")
	if err != nil {
		return err
	}
	if lora.Is(dir) {
		return fmt.Errorf("%s is an adapter, which would look for its base model on the other machine: pack what hone merge --model %s --output_dir DIR makes of it", name, name)
	}
	at := free(&k.models, "models", modelName(name))
	files, err := bundle.Folder(at, dir)
	k.files = append(k.files, files...)
	return err
}

func (k *kit) dataset(ctx context.Context, h *hub.Client, name, config string) error {
	from := name
	info, err := os.Stat(name)
	if err != nil {
		if from, err = h.Dataset(ctx, hub.Repo{ID: name}, config); err != nil {
			return err
		}
	} else if !info.IsDir() {
		k.files = append(k.files, bundle.Source{Path: free(&k.datasets, "datasets", filepath.Base(name)), From: name})
		return nil
	}
	files, err := bundle.Folder(free(&k.datasets, "datasets", modelName(name)), from)
	k.files = append(k.files, files...)
	return err
}

// free returns a path in folder that is not in list yet, and adds it.
func free(list *[]string, folder, name string) string {
	at := path.Join(folder, name)
	for i := 2; slices.Contains(*list, at); i++ {
		at = path.Join(folder, fmt.Sprintf("%s-%d", name, i))
	}
	*list = append(*list, at)
	return at
}

// readme tells what to do with the files.
func (k *kit) readme(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hone with its models and data, for a machine without network. From this folder:\n\n")
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+program+" --offline "+format+"\n", args...) }
	for _, m := range k.models {
		for _, d := range k.datasets {
			line("train --model %s --dataset %s --output_dir out", m, d)
		}
		line("generate --model %s --prompt \"...\"", m)
	}
	for _, d := range k.datasets {
		line("data check %s", d)
	}
	fmt.Fprintf(&b, "\n%s lists every file with its SHA-256.\n", bundle.ManifestFile)
	return b.String()
}

type bundleVerify struct {
	File string `arg:"" help:"The archive." placeholder:"FILE"`
}

func (c bundleVerify) Run(a *app) error {
	s := a.screen()
	defer s.close()
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := bundle.Verify(a.ctx, f, bytesBar(s, "checking"))
	s.end("checking")
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintf(a.stdout, "%s is whole: %s, %s, packed by %s\n", c.File, plural(len(m.Files), "file"), size(m.Bytes()), a.safe(m.Program))
	return nil
}

type bundleUnpack struct {
	File string `arg:"" help:"The archive." placeholder:"FILE"`
	Dir  string `arg:"" help:"The folder to write, which must be new or empty."`
}

func (c bundleUnpack) Run(a *app) error {
	s := a.screen()
	defer s.close()
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	m, err := bundle.Unpack(a.ctx, f, c.Dir, bytesBar(s, "unpacking"))
	s.end("unpacking")
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	s.line("unpacked %s, %s, into %s; every hash is right", plural(len(m.Files), "file"), size(m.Bytes()), c.Dir)
	if text, err := os.Open(filepath.Join(c.Dir, "README.txt")); err == nil {
		defer text.Close()
		b, _ := io.ReadAll(io.LimitReader(text, 64<<10))
		s.line("\n%s", a.safe(string(b)))
	}
	return nil
}

// bytesBar shows how many bytes are done, as kB for the bar's numbers to be readable.
func bytesBar(s *screen, name string) func(done, total int64) {
	return func(done, total int64) { s.bar(name, int(done>>10), int(total>>10), "") }
}
