package browser

import (
	"fmt"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Key presses a key, one of package kb or text.
func (b *Tab) Key(k string) {
	b.Helper()
	b.Do(chromedp.KeyEvent(k))
}

// CtrlKey presses a key while Ctrl is held.
func (b *Tab) CtrlKey(k string) {
	b.Helper()
	b.Do(chromedp.KeyEvent(k, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

// TabTo presses Tab until the element that says text has the focus, which must be seen to have it.
func (b *Tab) TabTo(tag, text string) {
	b.Helper()
	for range 60 {
		if JS[bool](b, fmt.Sprintf(`document.activeElement.tagName === %q && document.activeElement.innerText.trim() === %s`, tag, quote(text))) {
			b.Focused(tag, text)
			return
		}
		b.Key(kb.Tab)
	}
	b.Fatalf("Tab doesn't lead to %q", text)
}

// TabInto presses Tab until an element that the selector describes has the focus.
func (b *Tab) TabInto(selector string) {
	b.Helper()
	for range 60 {
		if JS[bool](b, fmt.Sprintf("document.activeElement.matches(%s)", quote(selector))) {
			return
		}
		b.Key(kb.Tab)
	}
	b.Fatalf("Tab doesn't lead to %s", selector)
}

// Focused makes sure that the element has the focus and shows it.
func (b *Tab) Focused(tag, text string) {
	b.Helper()
	got := JS[[]string](b, `[document.activeElement.tagName, document.activeElement.innerText.trim(), getComputedStyle(document.activeElement).outlineStyle]`)
	if got[0] != tag || got[1] != text || got[2] == "none" {
		b.Errorf("the focus is on %q, expected on %s %q with an outline", got, tag, text)
	}
}
