package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// What the errors of this package are, for errors.Is. Their text says which repo and file, and what to do.
var (
	ErrOffline     = errors.New("hub: offline and not in the cache")
	ErrNotFound    = errors.New("hub: not found")                     // no such repo, revision or file
	ErrDenied      = errors.New("hub: access denied")                 // gated or private, or a bad token
	ErrUnavailable = errors.New("hub: not available")                 // no connection, or the server keeps failing
	ErrNoSpace     = errors.New("hub: not enough disk space")         // before a download
	ErrCorrupt     = errors.New("hub: content is not what was asked") // wrong size or hash, even on a second try
)

// problem is an error with a text of its own: kind is one of the above, cause what lies beneath.
type problem struct {
	kind, cause error
	text        string
}

func (p *problem) Error() string { return p.text }

func (p *problem) Unwrap() []error {
	if p.cause == nil {
		return []error{p.kind}
	}
	return []error{p.kind, p.cause}
}

// statusError is a reply that is neither a success nor a redirect.
type statusError struct {
	url        string // without secrets
	status     int
	code       string // X-Error-Code: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo
	message    string // X-Error-Message, made printable
	commit     string // X-Repo-Commit
	retryAfter time.Duration
}

func (e *statusError) Error() string {
	s := fmt.Sprintf("%s: %d %s", e.url, e.status, http.StatusText(e.status))
	if e.message != "" {
		s += " (" + e.message + ")"
	}
	return s
}

func newStatusError(resp *http.Response, now time.Time) *statusError {
	return &statusError{
		url:        shown(resp.Request.URL),
		status:     resp.StatusCode,
		code:       resp.Header.Get("X-Error-Code"),
		message:    printable(resp.Header.Get("X-Error-Message"), 300),
		commit:     resp.Header.Get("X-Repo-Commit"),
		retryAfter: retryAfter(resp.Header, now),
	}
}

// printable is at most max runes of s, without what could disturb a terminal.
func printable(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > max {
		return string(runes[:max]) + "…"
	}
	return s
}

// shown is an address without password and query, in which a CDN's signature may be.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// networkError is a request that brought no reply, or a body that broke off.
type networkError struct {
	url string
	err error
}

func (e *networkError) Error() string { return e.url + ": " + e.err.Error() }
func (e *networkError) Unwrap() error { return e.err }

// errIdle is the cause when nothing came for the length of a timeout.
var errIdle = errors.New("the server sent nothing for too long (HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT set how long)")

// retryable says whether asking again may help.
func retryable(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false // no such host: no network, most often, and waiting doesn't bring it
	}
	if status := (*statusError)(nil); errors.As(err, &status) {
		switch status.status {
		case 408, 429, 500, 502, 503, 504:
			return true
		}
		return false
	}
	if badCertificate(err) {
		return false
	}
	network := (*networkError)(nil)
	return errors.As(err, &network)
}

func badCertificate(err error) bool {
	bad := (*tls.CertificateVerificationError)(nil)
	return errors.As(err, &bad)
}

// cacheMayAnswer says whether what the cache has is a fair answer to a question that ended in err: not when the
// Hub said that there is no such revision or file, and not when the caller gave up.
func cacheMayAnswer(err error) bool {
	status := (*statusError)(nil)
	if errors.As(err, &status) {
		return status.code != "RevisionNotFound" && status.code != "EntryNotFound"
	}
	network := (*networkError)(nil)
	return errors.As(err, &network) || errors.Is(err, errNotHub)
}

// errNotHub is the cause when a reply has none of a Hub's headers.
var errNotHub = errors.New("the reply has no X-Repo-Commit header or no ETag, so it does not come from a Hub: check HF_ENDPOINT, proxies and firewalls")

// explain turns what went wrong with a file of repo, or with the repo itself where file is "", into an error for people.
func (c *Client) explain(ctx context.Context, repo Repo, file string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("hub: %s: %w", subject(repo, file), context.Cause(ctx))
	}
	status := (*statusError)(nil)
	network := (*networkError)(nil)
	switch {
	case errors.As(err, &status):
		return c.explainStatus(repo, file, status)
	case badCertificate(err):
		return &problem{ErrUnavailable, err, fmt.Sprintf(
			"hub: %s: %v: if a proxy of yours signs its own certificates, name its PEM file in SSL_CERT_FILE", subject(repo, file), err)}
	case errors.As(err, &network):
		return &problem{ErrUnavailable, err, fmt.Sprintf(
			"hub: %s: can't reach the Hub: %v: check the network, HTTPS_PROXY and HF_ENDPOINT", subject(repo, file), err)}
	}
	return fmt.Errorf("hub: %s: %w", subject(repo, file), err)
}

func (c *Client) explainStatus(repo Repo, file string, e *statusError) error {
	page := c.site() + "/" + repo.page()
	at := ""
	if repo.Revision != "main" {
		at = " at " + repo.Revision
		repo.Revision = "main"
	}
	kind, what := ErrUnavailable, ""
	switch {
	case e.code == "EntryNotFound" || e.status == 404 && file != "" && e.code == "":
		kind, what = ErrNotFound, fmt.Sprintf("%s has no file %q%s: see %s", repo, file, at, page)
	case e.code == "RevisionNotFound":
		kind, what = ErrNotFound, fmt.Sprintf("%s has no branch, tag or commit%s: see %s", repo, at, page)
	case e.code == "GatedRepo":
		kind, what = ErrDenied, fmt.Sprintf("%s is gated: accept its licence at %s, then %s", repo, page, c.tokenAdvice())
	case e.status == 401 && e.message == "Invalid credentials in Authorization header":
		kind, what = ErrDenied, fmt.Sprintf("%s: the Hub doesn't know the token: %s", repo, c.tokenAdvice())
	case e.code == "RepoNotFound", e.status == 401, e.status == 404:
		kind, what = ErrNotFound, fmt.Sprintf("%s isn't on the Hub, or is private: check the spelling (%s); for a private one %s", repo, page, c.tokenAdvice())
	case e.status == 403:
		kind, what = ErrDenied, fmt.Sprintf("%s: access denied: %s", repo, c.tokenAdvice())
	case e.status == 429:
		what = fmt.Sprintf("%s: the Hub limits how often you may ask: try again later; with HF_TOKEN set the limit is higher", subject(repo, file))
	default:
		what = fmt.Sprintf("%s: the Hub answers %d %s: try again later", subject(repo, file), e.status, http.StatusText(e.status))
	}
	if e.message != "" {
		what += " (the Hub says: " + e.message + ")"
	}
	return &problem{kind, e, "hub: " + what}
}

func (c *Client) tokenAdvice() string {
	if c.Token == "" {
		return fmt.Sprintf("set HF_TOKEN to a token of yours that may read it (%s/settings/tokens)", c.site())
	}
	return fmt.Sprintf("check that the token in use may read it (%s/settings/tokens)", c.site())
}

// offline is the error for something that isn't cached and may not be asked for.
func offline(s store, what string) error {
	pull := "hone pull " + s.repo.ID
	if s.repo.Kind == Dataset {
		pull = "hone pull --dataset " + s.repo.ID
	}
	return &problem{ErrOffline, nil, fmt.Sprintf(
		"hub: %s: %s not in the cache (%s), and offline mode is on: run `%s` where there is a network and copy the cache here, or go online (no --offline, no HF_HUB_OFFLINE)",
		s.repo, what, s.cache, pull)}
}

func subject(repo Repo, file string) string {
	if file == "" {
		return repo.String()
	}
	return repo.String() + ": " + file
}
