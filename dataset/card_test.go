package dataset

import (
	"fmt"
	"os"
	"testing"
)

// TestCardOfTheReference reads a README that datasets wrote.
func TestCardOfTheReference(t *testing.T) {
	text, err := os.ReadFile("testdata/card.md")
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCard(text)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.config("")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%+v", *cfg); got != "{name:default isDefault:false dir: splits:[{name:train patterns:[data/train-*]} {name:test patterns:[data/test-*]}]}" {
		t.Error(got)
	}
	h := c.hintsFor(cfg.name)
	if got := fmt.Sprintf("%q %s", h["label"].names, h["text"].dtype); got != `["no" "yes: it is" "null" "3"] string` {
		t.Error(got)
	}
	if _, err := c.config("third"); err == nil {
		t.Error("a configuration out of nothing")
	}
}
