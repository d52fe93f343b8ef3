// Package browser lets tests use hone's page as a person does, in a real Chromium. Tests skip where there is none.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shared is the one browser that all tests of a process use, each with a tab of its own.
var shared struct {
	sync.Once
	ctx  context.Context
	quit func()
}

// Quit ends the browser, if one was started. TestMain calls it after the tests.
func Quit() {
	if shared.quit != nil {
		shared.quit()
	}
}

// chromium starts the browser, or skips the test where there is none.
func chromium(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if at, err := exec.LookPath(name); err == nil {
			path = at
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here: install one to test the page in a browser")
	}
	shared.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
		ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
		tab, quit := chromedp.NewContext(ctx)
		if err := chromedp.Do(tab); err != nil {
			end()
			t.Fatalf("%s doesn't start: %v", path, err)
		}
		shared.ctx, shared.quit = tab, func() { quit(); end() }
	})
	if shared.ctx == nil {
		t.Fatalf("%s didn't start", path)
	}
	return shared.ctx
}

// A Tab is a page in the browser. What its console says by way of errors fails the test.
type Tab struct {
	*testing.T
	ctx   context.Context
	texts map[string]string

	mu   sync.Mutex
	said []string
}

// Open opens url in a window of that size, for a person who reads that language, "en" or "zh".
func Open(t *testing.T, url, language string, width, height int) *Tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium(t))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b := &Tab{T: t, ctx: ctx, texts: texts(t, url, language)}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.hear(m)
		}
	}()
	b.Do(chromedp.EmulateViewport(int64(width), int64(height)), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "hone's test", AcceptLanguage: language})
		return err
	}), chromedp.Navigate(url))
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, line := range b.said {
			t.Errorf("console: %s", line)
		}
	})
	return b
}

// hear keeps what the console says of errors. That the server refused what was sent is none, nor that a test ended it.
func (b *Tab) hear(m chromedp.ConsoleMessage) {
	refused := m.Source == "network" && (strings.Contains(m.Text, "status of 4") || strings.Contains(m.Text, "ERR_CONNECTION_REFUSED"))
	if !m.IsException() && m.Type != "error" && m.Type != "warning" || refused {
		return
	}
	b.mu.Lock()
	b.said = append(b.said, fmt.Sprint(m, " ", m.URL))
	b.mu.Unlock()
}

// Say returns the page's own text of that key, in the language of the tab.
func (b *Tab) Say(key string) string {
	b.Helper()
	text, ok := b.texts[key]
	if !ok {
		b.Fatalf("the page has no text %q", key)
	}
	return text
}

// texts reads the page's table of a language, from where the page is.
func texts(t *testing.T, url, language string) (m map[string]string) {
	t.Helper()
	r, err := http.Get(url + "/" + language + ".js")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	_, object, _ := strings.Cut(string(b), "export default ")
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(object), ";")), &m)
	}
	if err != nil {
		t.Fatalf("the page's texts: %v", err)
	}
	return m
}

// Do has the browser do something.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.fail(err)
	}
}

// fail ends the test with what the page says.
func (b *Tab) fail(err error) {
	b.Helper()
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	b.Shoot("failed")
	b.Fatalf("%v; the page says\n%s", err, text)
}

// Wait waits until an expression is true.
func (b *Tab) Wait(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(time.Minute), chromedp.WithPollingInterval(30*time.Millisecond))); err != nil {
		b.fail(fmt.Errorf("waited for %s: %w", expression, err))
	}
}

// See waits until the page shows a text.
func (b *Tab) See(text string) {
	b.Helper()
	b.Wait(fmt.Sprintf("document.body.innerText.includes(%s)", quote(text)))
}

// SeeText waits until the page shows its own text of that key.
func (b *Tab) SeeText(key string) {
	b.Helper()
	b.See(b.Say(key))
}

// quote writes a text as JavaScript does.
func quote(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err) // no text is an error
	}
	return string(q)
}

// JS evaluates an expression.
func JS[T any](b *Tab, expression string) (v T) {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// GoTo shows the view at a hash, such as "#/runs".
func (b *Tab) GoTo(hash string) {
	b.Helper()
	JS[string](b, "location.hash="+quote(hash))
	b.Do(chromedp.Sleep(150 * time.Millisecond))
}

// Reload loads the page again.
func (b *Tab) Reload() {
	b.Helper()
	b.Do(chromedp.Reload())
}

// Press clicks the button or link with the page's text of that key.
func (b *Tab) Press(key string) {
	b.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll('main button, main a, main summary, dialog button')].find(e=>e.offsetParent && e.innerText.trim()===%s)", quote(b.Say(key)))
	b.Wait(find)
	JS[bool](b, find+".click() || true")
}

// Upload puts a file into the page as a person would by the file chooser.
func (b *Tab) Upload(path string) {
	b.Helper()
	b.Do(chromedp.SetUploadFiles(".zone input", []string{path}))
}

// Type sends keys to the element that a selector finds.
func (b *Tab) Type(selector, text string) {
	b.Helper()
	b.Do(chromedp.SendKeys(selector, text))
}

// Fits makes sure that the page is no wider than the window.
func (b *Tab) Fits() {
	b.Helper()
	if wide := JS[float64](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		what := JS[string](b, `[...document.querySelectorAll("main *")].filter(e=>e.getBoundingClientRect().right>innerWidth+1 && !e.closest(".scroll")).map(e=>e.tagName+"."+e.className).slice(0,6).join(" ")`)
		b.Errorf("the page is %.0f pixels wider than the window: %s", wide, what)
	}
}

// Scheme makes the browser prefer "light" or "dark".
func (b *Tab) Scheme(name string) {
	b.Helper()
	b.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}), chromedp.Sleep(200*time.Millisecond))
}

// Shoot keeps a picture where HONE_SCREENSHOTS names a folder.
func (b *Tab) Shoot(name string) {
	b.Helper()
	dir := os.Getenv("HONE_SCREENSHOTS")
	if dir == "" {
		return
	}
	chromedp.Do(b.ctx, chromedp.Sleep(350*time.Millisecond))
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Logf("no picture: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o666); err != nil {
		b.Error(err)
	}
}
