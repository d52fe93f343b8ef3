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
	rows := bytes.SplitAfterN(starter.Samples()[starter.Name], []byte("\n"), 145)
	data := filepath.Join(dir, "films.jsonl")
	if err := os.WriteFile(data, bytes.Join(rows[:144], nil), 0o666); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, dir)
	b := browser.Open(t, p.url, language, width, height)
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

	// The charts grow while the run goes on.
	const points = `[...document.querySelectorAll(".log li")].length`
	b.Wait(`document.querySelector(".chart canvas")`)
	before := browser.JS[int](b, points)
	b.Wait(fmt.Sprintf(`%s >= %d + 2 && document.querySelector(".head .running")`, points, before))
	look("5-running")
	b.Wait(`document.querySelector(".head .succeeded") && document.querySelector(".list .succeeded") && !document.querySelector(".list .running")`)
	b.Press("mistakes.look")
	b.SeeText("mistakes.list")
	look("6-done")

	b.Press("run.try")
	b.SeeText("classify.text")
	b.Type("form textarea", "A warm, funny film that I would happily watch again.\nDull, noisy and far too long.")
	b.TabTo("BUTTON", b.Say("classify.go"))
	b.Key(kb.Enter)
	b.Wait(`document.querySelectorAll(".answers > li").length === 2`)
	for i, label := range []string{"pos", "neg"} {
		if said := browser.JS[string](b, fmt.Sprintf(`document.querySelectorAll(".answers > li")[%d].innerText`, i)); !strings.Contains(said, label) || !strings.Contains(said, "%") {
			t.Errorf("answer %d has no bar of %s: %q", i, label, said)
		}
	}
	look("7-classify")
	if n := browser.JS[int](b, `document.querySelectorAll(".answers > li").length`); n != 2 {
		t.Errorf("after a change of colours there are %d answers", n)
	}
	b.GoTo("#/runs")
	b.SeeText("status.succeeded")
	look("8-runs")
}
