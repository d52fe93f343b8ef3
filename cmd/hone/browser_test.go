package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/hone-ml/hone/internal/browser"
	"github.com/hone-ml/hone/starter"
)

// TestPage is a newcomer's first quarter of an hour with hone serve, in a real browser and with nothing made up: a file is
// uploaded and checked, the model that the program carries is trained on it in a process of its own, its charts move
// meanwhile, and the tuned model answers. In both languages, at a desktop's width and at a phone's. HONE_SCREENSHOTS names
// a folder for pictures, which are taken of both languages at both widths.
func TestPage(t *testing.T) {
	for _, c := range []struct {
		language      string
		width, height int
	}{{"en", 1280, 900}, {"zh", 375, 720}, {"en", 375, 720}, {"zh", 1280, 900}} {
		if os.Getenv("HONE_SCREENSHOTS") == "" && (c.language == "en") != (c.width == 1280) {
			continue // pictures are of all four
		}
		t.Run(fmt.Sprint(c.language, c.width), func(t *testing.T) { newcomer(t, c.language, c.width, c.height) })
	}
}

func newcomer(t *testing.T, language string, width, height int) {
	dir := t.TempDir()
	data := films(t, dir)
	b := browser.Open(t, startServer(t, dir).url, language, width, height)
	look := func(view string) {
		t.Helper()
		b.Fits()
		b.Accessible(fmt.Sprintf("%s-%d-%s", language, width, view))
	}
	b.SeeText("zone.large")
	look("1-begin")
	for i, view := range []string{"train", "runs", "play"} {
		b.GoTo("#/" + view)
		b.SeeText(view + ".empty")
		look(fmt.Sprintf("2-empty-%d", i))
	}

	b.GoTo("#/data")
	b.Upload(data)
	b.SeeText("report.balance")
	if facts := browser.JS[string](b, `document.querySelector(".facts").innerText`); !strings.Contains(facts, "144") {
		t.Errorf("the report doesn't tell of 144 rows: %q", facts)
	}
	look("3-data")
	b.Press("data.train")
	b.SeeText("train.sample") // the estimate has come
	look("4-train")
	b.Press("train.start")
	b.SeeText("status.running")

	grows(b)
	look("5-running")
	b.Wait(`document.querySelector(".head .succeeded") && document.querySelector(".list .succeeded") && !document.querySelector(".list .running")`)
	b.Press("mistakes.look")
	b.SeeText("mistakes.list")
	log := browser.JS[string](b, `document.querySelector(".log").innerText`)
	for _, english := range []string{"the job", "files are", "classification", "process", "worker", " rows", "split"} {
		if language == "zh" && strings.Contains(log, english) {
			t.Errorf("the Chinese log says %q:\n%s", english, log)
		}
	}
	look("6-done")

	b.Press("run.try")
	b.SeeText("classify.text")
	b.Type("form textarea", reviews)
	b.TabTo("BUTTON", b.Say("classify.go")) // the button of the mode says the same
	b.Key(kb.Enter)
	judged(b)
	look("7-classify")
	if n := browser.JS[int](b, `document.querySelectorAll(".answers > li").length`); n != 2 {
		t.Errorf("after a change of colours there are %d answers", n)
	}
	b.GoTo("#/runs")
	b.SeeText("status.succeeded")
	look("8-runs")
}

// reviews are a good one and a bad one.
const reviews = "A warm, funny film that I would happily watch again.\rDull, noisy and far too long."

// films writes 144 film reviews into a file in dir.
func films(t *testing.T, dir string) string {
	t.Helper()
	rows := bytes.SplitAfterN(starter.Samples()[starter.Name], []byte("\n"), 145)
	path := filepath.Join(dir, "films.jsonl")
	if err := os.WriteFile(path, bytes.Join(rows[:144], nil), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// grows waits until charts and log have grown while a run goes on.
func grows(b *browser.Tab) {
	b.Helper()
	const points = `document.querySelectorAll(".log li").length`
	b.Wait(`document.querySelector(".chart canvas")`)
	b.Wait(fmt.Sprintf(`%s >= %d && document.querySelector(".head .running")`, points, browser.JS[int](b, points)+2))
}

// judged waits until the playground shows bars of both labels for both reviews.
func judged(b *browser.Tab) {
	b.Helper()
	b.Wait(`document.querySelectorAll(".answers > li").length === 2`)
	for i, label := range []string{"pos", "neg"} {
		if said := browser.JS[string](b, fmt.Sprintf(`document.querySelectorAll(".answers > li")[%d].innerText`, i)); !strings.Contains(said, label) || !strings.Contains(said, "%") {
			b.Errorf("answer %d has no bar of %s: %q", i, label, said)
		}
	}
}

// TestPageRefuses asks for what can't be done, in Chinese: a model and a column that aren't there.
func TestPageRefuses(t *testing.T) {
	dir := t.TempDir()
	b := browser.Open(t, startServer(t, dir).url, "zh", 1280, 900)
	b.SeeText("zone.large")
	b.Upload(films(t, dir))
	b.Press("data.train")
	b.SeeText("train.sample")
	fill := func(field, value string) {
		t.Helper()
		at := fmt.Sprintf(`[...document.querySelectorAll(".field")].find((f) => f.firstChild.innerText === %q).querySelector("input")`, b.Say(field))
		browser.JS[bool](b, fmt.Sprintf(`%s.value = %q, %[1]s.dispatchEvent(new Event("input", { bubbles: true }))`, at, value))
	}
	fill("train.model", "nobody/nothing")
	b.See("模型 nobody/nothing 既未在此提供，也未曾下载，而服务器处于离线状态")
	fill("train.model", "../nothing")
	b.SeeText("train.estimate.none")
	fill("train.model", starter.Name)
	b.Press("train.more")
	fill("train.label_column", "mood")
	const missing = `没有列 mood；现有的列："text", "label"`
	b.See(missing)
	b.Press("train.start")
	b.SeeText("run.failed")
	b.See(missing)
}

// TestPageByKeys goes the same way without a pointer: Tab, Enter, Space and arrows lead from the file to the model's
// answers, and wherever Tab leads one sees it.
func TestPageByKeys(t *testing.T) {
	dir := t.TempDir()
	data := films(t, dir)
	b := browser.Open(t, startServer(t, dir).url, "en", 1280, 900)
	titled := func(key string) {
		t.Helper()
		b.SeeText(key)
		b.Wait(`document.activeElement.tagName === "H1"`) // a new view takes the focus
	}
	b.SeeText("zone.large")
	b.TabInto(".zone input")
	b.Choose(" ", data)
	titled("report.balance")
	b.TabTo("A", b.Say("data.train"))
	b.Key(kb.Enter)
	titled("train.sample")

	// Arrows go to adapters and back, and from three passes over the data to two.
	b.TabInto("input[type=radio]")
	b.Key(kb.ArrowDown)
	b.Wait(`document.activeElement.value === "lora" && document.activeElement.checked`)
	b.Key(kb.ArrowUp)
	b.Wait(`document.activeElement.value === "whole" && document.activeElement.checked`)
	b.TabInto("input[type=number]")
	b.Key(kb.ArrowDown)
	b.Wait(`document.activeElement.value === "2"`)
	b.TabTo("BUTTON", b.Say("train.start"))
	b.Key(" ")

	// Who reads the log while the charts grow is left there when the run is over.
	titled("status.running")
	b.TabInto(".log")
	grows(b)
	b.Wait(`document.querySelector(".head .succeeded")`)
	if !browser.JS[bool](b, `document.activeElement.matches(".log")`) {
		t.Error("the end of the run takes the focus away")
	}
	b.TabTo("BUTTON", b.Say("mistakes.look"))
	b.Key(" ")
	b.SeeText("mistakes.list")
	b.Focused("H2", b.Say("mistakes.title")) // the button is gone

	b.TabTo("A", b.Say("run.try"))
	b.Key(kb.Enter)
	titled("classify.text")
	b.TabInto("textarea")
	b.Key(reviews)
	b.TabTo("BUTTON", b.Say("classify.go"))
	b.Key(" ")
	judged(b)
}
