package browser

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
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

// Next presses Tab. What gets the focus must show it.
func (b *Tab) Next() {
	b.Helper()
	b.Key(kb.Tab)
	b.shown()
}

// unseen says why nobody sees where the focus is, "" if they do. The outline is the element's own, or that of what is around
// it where the element itself is transparent. Behind the last element nothing has the focus.
const unseen = `(() => {
	let e = document.activeElement;
	if (e === document.body) return "";
	const at = e.getBoundingClientRect();
	if (at.bottom <= 0 || at.right <= 0 || at.top >= innerHeight || at.left >= innerWidth) return "is outside the window";
	while (getComputedStyle(e).opacity === "0") e = e.parentElement;
	const s = getComputedStyle(e);
	return s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 2 || s.outlineColor === "rgba(0, 0, 0, 0)" ? "has no outline" : "";
})()`

// shown makes sure that one sees where the focus is.
func (b *Tab) shown() {
	b.Helper()
	if why := JS[string](b, unseen); why != "" {
		b.Errorf("the focus is on %.90s, which %s", JS[string](b, "document.activeElement.outerHTML"), why)
	}
}

// TabTo presses Tab until the element that says text has the focus.
func (b *Tab) TabTo(tag, text string) {
	b.Helper()
	for range 60 {
		if JS[bool](b, fmt.Sprintf(`document.activeElement.tagName === %q && document.activeElement.innerText.trim() === %s`, tag, quote(text))) {
			return
		}
		b.Next()
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
		b.Next()
	}
	b.Fatalf("Tab doesn't lead to %s", selector)
}

// Focused makes sure that the element has the focus.
func (b *Tab) Focused(tag, text string) {
	b.Helper()
	if got := JS[[]string](b, `[document.activeElement.tagName, document.activeElement.innerText.trim()]`); got[0] != tag || got[1] != text {
		b.Errorf("the focus is on %.90q, expected on %s %q", got, tag, text)
	}
}

// Choose presses a key on the place for files that has the focus, and gives a file to the chooser that opens. That is the
// system's and not the page's: DevTools stands in for it.
func (b *Tab) Choose(key, path string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	choosers := chromedp.Events(ctx, page.FileChooserOpened)
	b.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
		return err
	}))
	b.Key(key)
	for chooser, err := range choosers {
		if err != nil {
			b.fail(fmt.Errorf("no chooser of files: %w", err))
		}
		b.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: chooser.BackendNodeID})
			return err
		}))
		return
	}
	b.Fatal("no chooser of files opened")
}
