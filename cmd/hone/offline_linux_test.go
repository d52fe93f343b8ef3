package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Not one packet leaves the machine with --offline, DNS included: strace tells of every address that whole commands, bait
// for them in the environment, connect or send to.
func TestOfflineSendsNothing(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	trace := filepath.Join(t.TempDir(), "trace")
	flags := []string{"-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace}
	if err := exec.Command(strace, append(flags, "true")...).Run(); err != nil {
		t.Skipf("strace may not trace here: %v", err)
	}
	hub := newFakeHub(t)
	dir := t.TempDir()
	if err := workFolder(dir); err != nil {
		t.Fatal(err)
	}
	traced := func(endpoint string, args ...string) (string, error) {
		c := honeProcess(t, dir, args...)
		c.Env = append(c.Env, "HF_HUB_OFFLINE=0", "HF_ENDPOINT="+endpoint, "NO_PROXY=*")
		c.Path, c.Args = strace, append(append([]string{strace}, flags...), c.Args...)
		said, err := c.CombinedOutput()
		b, readErr := os.ReadFile(trace)
		if readErr != nil {
			t.Fatalf("%v\n%s", readErr, said)
		}
		return string(b), err
	}
	// The trace sees connections where they are allowed.
	if calls, err := traced(hub.URL, "pull", "gpt2"); err != nil || len(addresses(calls)) == 0 {
		t.Fatalf("hone pull: %v, but no connection in\n%s", err, calls)
	}
	const bait = "http://hub.example.invalid"
	for _, args := range [][]string{
		{"train", "--model", "gpt2", "--dataset", "reviews", "--labels", "neg,pos", "--output_dir", "out", "--max_steps", "1", "--lora"},
		{"predict", "--model", "out", "a delight"},
		{"generate", "--model", "gpt2", "--prompt", "a", "--max_new_tokens", "2"},
		{"export", "--model", "out", "--output", "out.gguf"},
		{"pull", "gpt2"},
		{"pull", "someone/else"},
		{"train", "--model", "someone/else", "--dataset", "nobody/here"},
	} {
		calls, err := traced(bait, append([]string{"--offline"}, args...)...)
		if known := !strings.Contains(strings.Join(args, " "), "someone"); known != (err == nil) {
			t.Errorf("hone --offline %v: %v", args, err)
		}
		for _, a := range addresses(calls) {
			t.Errorf("hone --offline %v talks to %s", args, a)
		}
	}
}

var (
	family  = regexp.MustCompile(`sa_family=AF_(INET6?|PACKET|NETLINK)`)
	address = regexp.MustCompile(`inet_addr\("([^"]*)"\)|inet_pton\(AF_INET6, "([^"]*)"`)
)

// addresses lists the addresses of the network in a trace.
func addresses(trace string) (all []string) {
	for line := range strings.Lines(trace) {
		if m := address.FindStringSubmatch(line); m != nil {
			all = append(all, m[1]+m[2])
		} else if family.MatchString(line) && !strings.Contains(line, "AF_NETLINK") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}
