package page_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/hone-ml/hone/internal/browser"
)

// TestContrast holds every view against WCAG's AA in both colour schemes, and looks for controls without a name.
func TestContrast(t *testing.T) {
	b := browser.Open(t, serve(t, false).URL, "en", 1280, 900)
	b.SeeText("zone.large")
	look := func(name string) { t.Helper(); b.Accessible("contrast-" + name) }
	look("empty")
	b.Upload(broken(t))
	b.See("broken.jsonl")
	look("fault")
	b.Upload(reviews(t, "reviews.jsonl", 40))
	b.SeeText("report.balance")
	look("data")
	b.Press("data.train")
	b.SeeText("train.sample")
	b.Press("train.more")
	look("train")
	b.Press("train.start")
	b.SeeText("status.running")
	b.Wait(`document.querySelectorAll(".chart canvas").length >= 3`)
	look("running")
	b.Wait(`document.querySelector(".head .succeeded")`)
	look("done")
	b.GoTo("#/play")
	b.SeeText("classify.text")
	look("classify")
	b.GoTo("#/play/helper")
	b.SeeText("chat.empty")
	look("chat")
}

// TestKeyboard starts a run and asks its model by keys alone.
func TestKeyboard(t *testing.T) {
	b := browser.Open(t, serve(t, true).URL, "en", 1280, 900)
	b.SeeText("zone.large")
	b.Key(kb.Tab)
	b.Focused("A", b.Say("skip"))
	b.Key("\r")
	if !browser.JS[bool](b, `document.activeElement.id === "main"`) {
		t.Error("the link to the content leads elsewhere")
	}
	b.Key(kb.Tab)
	if !browser.JS[bool](b, `document.activeElement.matches(".zone input")`) {
		t.Error("the place for files is not the first thing of the content")
	}
	b.Key(kb.Tab)
	b.Focused("BUTTON", strings.ReplaceAll(b.Say("data.sample.take"), "{name}", "starter"))
	b.Key("\r")
	b.SeeText("report.balance")
	b.TabTo("A", b.Say("data.train"))
	b.Key("\r")
	b.SeeText("train.title")
	if !browser.JS[bool](b, `document.activeElement.tagName === "H1"`) {
		t.Error("a new view doesn't take the focus to its title")
	}
	b.SeeText("train.sample")
	b.TabTo("BUTTON", b.Say("train.start"))
	b.Key("\r")
	b.SeeText("status.running")
	b.TabTo("BUTTON", b.Say("run.cancel"))
	b.Key("\r")
	b.SeeText("run.cancel.title")
	b.Key(kb.Escape)
	b.Wait(`!document.querySelector("dialog")`)
	b.Focused("BUTTON", b.Say("run.cancel"))
	b.TabTo("BUTTON", b.Say("run.pause"))
	b.Key(" ")
	b.SeeText("status.paused")
	b.Wait(`document.activeElement.tagName === "H1"`) // the button is gone
	b.TabTo("BUTTON", b.Say("run.resume"))
	b.Key(" ")
	b.Wait(`document.querySelector(".head .succeeded")`)
	b.TabTo("A", b.Say("run.try"))
	b.Key("\r")
	b.SeeText("classify.text")
	b.Wait(`document.activeElement.tagName === "H1"`)
	b.TabInto("textarea")
	b.Key("a gorgeous film")
	b.CtrlKey("\r")
	b.See("93.0 %")
	b.GoTo("#/play/helper")
	b.SeeText("chat.empty")
	b.TabInto("textarea")
	b.Key("hello")
	b.Key("\r")
	b.See("whetstone")
	b.Key(kb.Escape)
	b.Wait(`[...document.querySelectorAll("button")].every(e => !e.disabled)`)
	if browser.JS[bool](b, `document.body.innerText.includes("patience")`) {
		t.Error("Esc doesn't stop an answer")
	}
}
