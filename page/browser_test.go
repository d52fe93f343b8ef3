package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/hone-ml/hone/page"
)

// browser is the one that all tests share, each with a tab of its own. It ends with the tests.
var browser struct {
	sync.Once
	ctx  context.Context
	quit func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.quit != nil {
		browser.quit()
	}
	os.Exit(code)
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
	browser.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
		ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
		browser.ctx, browser.quit = chromedp.NewContext(ctx)
		if err := chromedp.Do(browser.ctx); err != nil {
			t.Fatalf("%s doesn't start: %v", path, err)
		}
		quit := browser.quit
		browser.quit = func() { quit(); end() }
	})
	return browser.ctx
}

// A tab is a page in a real browser. What its console says by way of errors fails the test.
type tab struct {
	*testing.T
	ctx context.Context
	url string

	mu   sync.Mutex
	said []string
}

func open(t *testing.T, url, language string, width, height int) *tab {
	ctx, cancel := chromedp.NewContext(chromium(t))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, url: url}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.hear(m)
		}
	}()
	b.do(chromedp.EmulateViewport(int64(width), int64(height)), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
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

// hear keeps what the console says of errors. That the server refused what was sent is none.
func (b *tab) hear(m chromedp.ConsoleMessage) {
	refused := m.Source == "network" && strings.Contains(m.Text, "status of 400")
	if !m.IsException() && m.Type != "error" && m.Type != "warning" || refused {
		return
	}
	b.mu.Lock()
	b.said = append(b.said, fmt.Sprint(m, " ", m.URL))
	b.mu.Unlock()
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.shoot("failed")
		b.Fatalf("%v; the page says\n%s", err, text)
	}
}

// wait waits until an expression is true.
func (b *tab) wait(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(40*time.Second), chromedp.WithPollingInterval(30*time.Millisecond))); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.shoot("failed")
		b.Fatalf("waited for %s: %v; the page says\n%s", expression, err, text)
	}
}

// see waits until the page shows a text.
func (b *tab) see(text string) {
	b.Helper()
	q, _ := json.Marshal(text)
	b.wait(fmt.Sprintf("document.body.innerText.includes(%s)", q))
}

// js evaluates an expression.
func js[T any](b *tab, expression string) (v T) {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (b *tab) goTo(hash string) {
	b.Helper()
	q, _ := json.Marshal(hash)
	js[string](b, "location.hash="+string(q))
	b.do(chromedp.Sleep(150 * time.Millisecond))
}

// press clicks the button or link that says text.
func (b *tab) press(text string) {
	b.Helper()
	q, _ := json.Marshal(text)
	find := fmt.Sprintf("[...document.querySelectorAll('main button, main a, main summary, dialog button')].find(e=>e.offsetParent && e.innerText.trim()===%s)", q)
	b.wait(find)
	js[bool](b, find+".click() || true")
}

// shoot keeps a picture where HONE_SCREENSHOTS names a folder.
func (b *tab) shoot(name string) {
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

// reviews writes a small file of reviews, with faults if they are wanted.
func reviews(t *testing.T, name string, rows int) string {
	t.Helper()
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `{"text": "review %d of a %s film <b>&amp;</b> %s", "label": "%s"}`+"\n", i, []string{"dull", "gorgeous", "witty"}[i%3], strings.Repeat("and so on ", i%7), []string{"neg", "pos", "pos"}[i%3])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func serve(t *testing.T, hold bool) *httptest.Server {
	f := newFake(t)
	f.hold = hold
	dir := page.Tiny(t)
	models := func() map[string]string { return map[string]string{"starter": dir} }
	s := httptest.NewServer(f.handler(page.Config{Bases: []string{"starter"}, Models: models, Samples: map[string][]byte{"starter": []byte(`{"text":"good","label":"pos"}` + "\n" + `{"text":"bad","label":"neg"}` + "\n")}}))
	t.Cleanup(s.Close)
	return s
}

// TestWay goes the whole way in both languages, on a desktop and on a phone: a file comes in and is checked, training
// starts, its charts are drawn while it runs, and the model is tried.
func TestWay(t *testing.T) {
	for _, c := range []struct {
		language      string
		width, height int
	}{{"en", 1280, 900}, {"zh", 375, 720}} {
		t.Run(fmt.Sprint(c.language, c.width), func(t *testing.T) { way(t, c.language, c.width, c.height) })
	}
}

func way(t *testing.T, language string, width, height int) {
	b := open(t, serve(t, true).URL, language, width, height)
	say := words(t, language)
	name := func(s string) string { return fmt.Sprintf("%s-%d-%s", language, width, s) }
	b.see(say["zone.large"])
	b.shoot(name("1-empty"))
	b.upload(reviews(t, "broken.jsonl", 3), func(path string) { appendTo(t, path, `{"text": "no end`) })
	b.see("broken.jsonl")
	b.shoot(name("2-fault"))
	b.upload(reviews(t, "reviews.jsonl", 90), nil)
	b.see(say["report.balance"])
	b.fits()
	b.shoot(name("3-data"))
	b.upload(reviews(t, "held.jsonl", 12), nil)
	b.wait(`location.hash.includes("file-2") && document.querySelector(".facts")`)
	js[bool](b, `document.querySelector(".head select").value = "file-1", document.querySelector(".head select").dispatchEvent(new Event("change"))`)
	b.see(say["report.splits"])
	b.fits()
	b.shoot(name("4-leak"))
	b.press(say["data.train"])
	b.see(say["train.title"])
	b.see(say["train.sample"])
	b.fits()
	b.shoot(name("5-train"))
	b.press(say["train.start"])
	b.see(say["status.running"])
	b.wait(`document.querySelectorAll(".chart canvas").length >= 3`)
	b.press(say["run.pause"])
	b.see(say["status.paused"])
	b.press(say["run.resume"])
	b.see(say["status.running"])
	b.fits()
	b.shoot(name("6-running"))
	b.wait(`document.querySelector(".head .succeeded")`)
	b.see(say["mistakes.look"])
	b.do(chromedp.Reload())
	b.see(say["mistakes.look"]) // of a run that was over before
	b.shoot(name("7-done"))
	b.goTo("#/train?file=file-1")
	b.press(say["train.start"])
	b.see(say["status.running"])
	b.wait(`document.querySelector(".head .succeeded")`)
	b.goTo("#/runs?with=ftjob-1,ftjob-2")
	b.see(say["compare.loss"])
	b.fits()
	b.shoot(name("8-compare"))
	b.goTo("#/play")
	b.see(say["classify.text"])
	b.do(chromedp.SendKeys("textarea", "a gorgeous film\nI will never get back these hours"))
	js[bool](b, `document.querySelector("main form .button.main").click() || true`)
	b.see("93.0 %")
	b.fits()
	b.shoot(name("9-classify"))
	b.goTo("#/play/helper")
	b.see(say["chat.empty"])
	b.do(chromedp.SendKeys("form textarea", "How do I keep an edge?\r"))
	b.see("<b>patience</b>") // as text
	b.fits()
	b.shoot(name("10-chat"))
}

// upload puts a file into the page as a person would by the file chooser.
func (b *tab) upload(path string, spoil func(string)) {
	b.Helper()
	if spoil != nil {
		spoil(path)
	}
	b.do(chromedp.SetUploadFiles(".zone input", []string{path}))
}

// fits makes sure that the page is no wider than the window.
func (b *tab) fits() {
	b.Helper()
	if wide := js[float64](b, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		what := js[string](b, `[...document.querySelectorAll("main *")].filter(e=>e.getBoundingClientRect().right>innerWidth+1 && !e.closest(".scroll")).map(e=>e.tagName+"."+e.className).slice(0,6).join(" ")`)
		b.Errorf("the page is %.0f pixels wider than the window: %s", wide, what)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(old, text...), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// words are the page's own texts.
func words(t *testing.T, language string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("web", language+".js"))
	if err != nil {
		t.Fatal(err)
	}
	_, object, _ := strings.Cut(string(b), "export default ")
	var m map[string]string
	if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(object), ";")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}
