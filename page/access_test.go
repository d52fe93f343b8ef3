package page_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// contrasts computes, for everything that shows text, the contrast of its colour and the colour behind it as WCAG
// defines it, and lists what has less than AA wants: 4.5, or 3 for large text; 3 too for the borders of controls.
const contrasts = `(() => {
	const rgba = (c) => { const m = c.match(/[\d.]+/g).map(Number); if (c.startsWith("color(")) return [...m.slice(0, 3).map((x) => x * 255), m[3] ?? 1]; return [m[0], m[1], m[2], m[3] ?? 1]; };
	const over = (top, under) => top.slice(0, 3).map((x, i) => x * top[3] + under[i] * (1 - top[3]));
	const behind = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
		return layers.reverse().reduce((under, c) => over(c, under), [255, 255, 255]);
	};
	const lum = (c) => { const [r, g, b] = c.map((x) => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const name = (e) => e.tagName.toLowerCase() + "." + [...e.classList].join(".") + " " + (e.innerText || e.value || "").slice(0, 30);
	const poor = [];
	let checked = 0;
	for (const e of document.querySelectorAll("body *")) {
		const s = getComputedStyle(e);
		const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches("input:not([type=file]):not([type=checkbox]):not([type=radio]), textarea, select");
		if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("svg, canvas, option, .only-read")) continue;
		const back = behind(e);
		if (own) {
			checked++;
			const large = parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && s.fontWeight >= 700);
			const r = ratio(over(rgba(s.color), back), back);
			if (r < (large ? 3 : 4.5)) poor.push(r.toFixed(2) + " " + name(e));
		}
		if (e.matches(".button:not(.plain):not(:disabled), input:not([type=file]):not([type=checkbox]):not([type=radio]), textarea, select") && e.closest("main")) {
			const around = behind(e.parentElement);
			const r = Math.max(ratio(over(rgba(s.borderTopColor), around), around), ratio(back, around));
			if (r < 3) poor.push(r.toFixed(2) + " border of " + name(e));
		}
	}
	if (checked < 8) poor.push("only " + checked + " texts were found");
	return poor;
})()`

// scheme makes the browser prefer light or dark.
func (b *tab) scheme(name string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}), chromedp.Sleep(200*time.Millisecond))
}

// TestContrast holds every view against WCAG's AA in both colour schemes, and looks for controls without a name.
func TestContrast(t *testing.T) {
	b := open(t, serve(t, false).URL, "en", 1280, 900)
	say := words(t, "en")
	b.see(say["zone.large"])
	look := func(name string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			if poor := js[[]string](b, contrasts); len(poor) > 0 {
				t.Errorf("%s, %s: %s", name, scheme, strings.Join(poor, "; "))
			}
			b.shoot("contrast-" + name + "-" + scheme)
		}
		if nameless := js[[]string](b, nameless); len(nameless) > 0 {
			t.Errorf("%s: without a name: %q", name, nameless)
		}
	}
	look("empty")
	b.upload(reviews(t, "broken.jsonl", 1), func(path string) { appendTo(t, path, "{") })
	b.see("broken.jsonl")
	look("fault")
	b.upload(reviews(t, "reviews.jsonl", 40), nil)
	b.see(say["report.balance"])
	look("data")
	b.press(say["data.train"])
	b.see(say["train.sample"])
	b.press(say["train.more"])
	look("train")
	b.press(say["train.start"])
	b.see(say["status.running"])
	b.wait(`document.querySelectorAll(".chart canvas").length >= 3`)
	look("running")
	b.wait(`document.querySelector(".head .succeeded")`)
	look("done")
	b.goTo("#/play")
	b.see(say["classify.text"])
	look("classify")
	b.goTo("#/play/helper")
	b.see(say["chat.empty"])
	look("chat")
}

// nameless lists what can be used but has no name for those who can't see it.
const nameless = `[...document.querySelectorAll("a, button, input, select, textarea, [role=img], [role=region], [role=progressbar], [tabindex='0']")].filter((e) => e.offsetParent && !(e.innerText?.trim() || e.getAttribute("aria-label") || e.labels?.length || e.getAttribute("aria-labelledby"))).map((e) => e.outerHTML.slice(0, 90))`

// TestKeyboard starts a run and asks its model by keys alone.
func TestKeyboard(t *testing.T) {
	b := open(t, serve(t, false).URL, "en", 1280, 900)
	say := words(t, "en")
	b.see(say["zone.large"])
	b.key(kb.Tab)
	b.focused("A", say["skip"])
	b.key("\r")
	if !js[bool](b, `document.activeElement.id === "main"`) {
		t.Error("the link to the content leads elsewhere")
	}
	b.key(kb.Tab)
	if !js[bool](b, `document.activeElement.matches(".zone input")`) {
		t.Error("the place for files is not the first thing of the content")
	}
	b.key(kb.Tab)
	b.focused("BUTTON", strings.ReplaceAll(say["data.sample.take"], "{name}", "starter"))
	b.key("\r")
	b.see(say["report.balance"])
	b.tabTo("A", say["data.train"])
	b.key("\r")
	b.see(say["train.title"])
	if !js[bool](b, `document.activeElement.tagName === "H1"`) {
		t.Error("a new view doesn't take the focus to its title")
	}
	b.see(say["train.sample"])
	b.tabTo("BUTTON", say["train.start"])
	b.key("\r")
	b.see(say["status.running"])
	b.tabTo("BUTTON", say["run.cancel"])
	b.key("\r")
	b.see(say["run.cancel.title"])
	b.key(kb.Escape)
	b.wait(`!document.querySelector("dialog")`)
	b.focused("BUTTON", say["run.cancel"])
	b.wait(`document.querySelector(".head .succeeded")`)
	b.tabTo("A", say["run.try"])
	b.key("\r")
	b.see(say["classify.text"])
	b.wait(`document.activeElement.tagName === "H1"`)
	for !js[bool](b, `document.activeElement.tagName === "TEXTAREA"`) {
		b.key(kb.Tab)
	}
	b.key("a gorgeous film")
	b.do(chromedp.KeyEvent("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	b.see("93.0 %")
	b.goTo("#/play/helper")
	b.see(say["chat.empty"])
	for !js[bool](b, `document.activeElement.tagName === "TEXTAREA"`) {
		b.key(kb.Tab)
	}
	b.key("hello")
	b.key("\r")
	b.see("whetstone")
	b.key(kb.Escape)
	b.wait(`[...document.querySelectorAll("button")].every(e => !e.disabled)`)
	if js[bool](b, `document.body.innerText.includes("patience")`) {
		t.Error("Esc doesn't stop an answer")
	}
}

func (b *tab) key(k string) {
	b.Helper()
	b.do(chromedp.KeyEvent(k))
}

// tabTo presses Tab until the element that says text has the focus, which must be seen to have it.
func (b *tab) tabTo(tag, text string) {
	b.Helper()
	for range 60 {
		if js[bool](b, fmt.Sprintf(`document.activeElement.tagName === %q && document.activeElement.innerText.trim() === %q`, tag, text)) {
			b.focused(tag, text)
			return
		}
		b.key(kb.Tab)
	}
	b.Fatalf("Tab doesn't lead to %q", text)
}

// focused makes sure that the element has the focus and shows it.
func (b *tab) focused(tag, text string) {
	b.Helper()
	got := js[[]string](b, `[document.activeElement.tagName, document.activeElement.innerText.trim(), getComputedStyle(document.activeElement).outlineStyle]`)
	if got[0] != tag || got[1] != text || got[2] == "none" {
		b.Errorf("the focus is on %q, expected on %s %q with an outline", got, tag, text)
	}
}
