package page_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hone-ml/hone/internal/browser"
	"github.com/hone-ml/hone/page"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Quit()
	os.Exit(code)
}

// reviews writes a small file of reviews.
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
	s := httptest.NewServer(f.handler(page.Config{Bases: []page.Base{{Name: "starter", LearningRate: 5e-4}}, Models: models, Samples: map[string][]byte{"starter": []byte(`{"text":"good","label":"pos"}` + "\n" + `{"text":"bad","label":"neg"}` + "\n")}}))
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
	b := browser.Open(t, serve(t, true).URL, language, width, height)
	name := func(s string) string { return fmt.Sprintf("%s-%d-%s", language, width, s) }
	b.SeeText("zone.large")
	b.Shoot(name("1-empty"))
	b.Upload(broken(t))
	b.See("broken.jsonl")
	b.Shoot(name("2-fault"))
	b.Upload(reviews(t, "reviews.jsonl", 90))
	b.SeeText("report.balance")
	b.Fits()
	b.Shoot(name("3-data"))
	b.Upload(reviews(t, "held.jsonl", 12))
	b.Wait(`location.hash.includes("file-2") && document.querySelector(".facts")`)
	browser.JS[bool](b, `document.querySelector(".head select").value = "file-1", document.querySelector(".head select").dispatchEvent(new Event("change"))`)
	b.SeeText("report.splits")
	b.Fits()
	b.Shoot(name("4-leak"))
	b.Press("data.train")
	b.SeeText("train.title")
	b.SeeText("train.sample")
	b.Fits()
	b.Shoot(name("5-train"))
	b.Press("train.start")
	b.SeeText("status.running")
	b.Wait(`document.querySelectorAll(".chart canvas").length >= 3`)
	b.Press("run.pause")
	b.SeeText("status.paused")
	b.Press("run.resume")
	b.SeeText("status.running")
	b.Fits()
	b.Shoot(name("6-running"))
	b.Wait(`document.querySelector(".head .succeeded")`)
	b.SeeText("mistakes.look")
	b.Reload()
	b.SeeText("mistakes.look") // of a run that was over before
	b.Shoot(name("7-done"))
	b.GoTo("#/train?file=file-1")
	b.Press("train.start")
	b.SeeText("status.running")
	b.Wait(`document.querySelector(".head .succeeded")`)
	b.GoTo("#/runs?with=ftjob-1,ftjob-2")
	b.SeeText("compare.loss")
	b.Fits()
	b.Shoot(name("8-compare"))
	b.GoTo("#/play")
	b.SeeText("classify.text")
	b.Type("textarea", "a gorgeous film\nI will never get back these hours")
	browser.JS[bool](b, `document.querySelector("main form .button.main").click() || true`)
	b.See("93.0 %")
	b.Fits()
	b.Shoot(name("9-classify"))
	b.GoTo("#/play/helper")
	b.SeeText("chat.empty")
	b.Type("form textarea", "How do I keep an edge?\r")
	b.See("<b>patience</b>") // as text
	b.Fits()
	b.Shoot(name("10-chat"))
}

// broken writes a file of reviews whose last line has no end.
func broken(t *testing.T) string {
	t.Helper()
	path := reviews(t, "broken.jsonl", 3)
	old, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(old, `{"text": "no end`...), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}
