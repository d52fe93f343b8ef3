package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hone-ml/hone/internal/dial"
)

const (
	maxRedirects = 20
	maxTries     = 6 // one and five more, as in huggingface_hub
	maxWait      = 5 * time.Minute
	maxListing   = 64 << 20 // bytes of one JSON reply
)

func (c *Client) endpoint() string {
	if c.Endpoint == "" {
		return DefaultEndpoint
	}
	return strings.TrimRight(c.Endpoint, "/")
}

// site is the endpoint for people: without a password that it may have.
func (c *Client) site() string {
	u, err := url.Parse(c.endpoint())
	if err != nil {
		return DefaultEndpoint
	}
	return shown(u)
}

// setup makes the transport, once, on the first request.
func (c *Client) setup() error {
	c.once.Do(func() {
		if u, err := url.Parse(c.endpoint()); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			c.setupErr = fmt.Errorf("HF_ENDPOINT=%q is no address: want one as %s", c.Endpoint, DefaultEndpoint)
			return
		}
		c.transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial.Context,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    orDefault(c.Workers, 8),
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 256 << 10,
		}
		if c.CAFile == "" {
			return
		}
		pem, err := readSmall(c.CAFile, 16<<20)
		if err != nil {
			c.setupErr = fmt.Errorf("file of certificates: %w", err)
			return
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			c.setupErr = fmt.Errorf("%s has no certificate in PEM form", c.CAFile)
			return
		}
		c.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	})
	return c.setupErr
}

// request is one question to a server, redirects included.
type request struct {
	method  string
	url     string
	rng     string        // Range header
	timeout time.Duration // the longest silence
	// onHub makes a redirect that leads off the Hub the answer itself: it is where the content is, and
	// carries the metadata of it.
	onHub bool
}

// send asks and returns the answer, whose status is below 400. Its body breaks off with errIdle after a silence.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	if c.Offline {
		return nil, fmt.Errorf("a request was about to be made: %w", ErrOffline)
	}
	if err := c.setup(); err != nil {
		return nil, err
	}
	at, err := url.Parse(r.url)
	if err != nil {
		return nil, err
	}
	endpoint, err := url.Parse(c.endpoint())
	if err != nil {
		return nil, err
	}
	home := true // nobody else has had a say yet in where this goes
	for range maxRedirects {
		home = home && sameOrigin(at, endpoint)
		resp, err := c.hop(ctx, r, at, home)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 400 {
			resp.Body.Close()
			return nil, newStatusError(resp, time.Now())
		}
		location := resp.Header.Get("Location")
		if resp.StatusCode < 300 || location == "" {
			return resp, nil
		}
		to, err := at.Parse(location)
		if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
			resp.Body.Close()
			return nil, fmt.Errorf("%s: redirect to %.200q refused: not an address of the web", shown(at), location)
		}
		if r.onHub && !sameOrigin(at, to) && !c.isHub(to) {
			return resp, nil
		}
		resp.Body.Close()
		if at.Scheme == "https" && to.Scheme == "http" {
			return nil, fmt.Errorf("%s: redirect to %s refused: it leads off https", shown(at), shown(to))
		}
		at = to
	}
	return nil, fmt.Errorf("%s: more than %d redirects", shown(at), maxRedirects)
}

// hop is one request of send, without redirects, with what proves who asks only where it is home.
func (c *Client) hop(ctx context.Context, r request, at *url.URL, home bool) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	body := &idleBody{timeout: r.timeout, cancel: cancel}
	body.timer = time.AfterFunc(r.timeout, func() { cancel(errIdle) })
	body.failed = func(err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &networkError{shown(at), err}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, at.String(), nil)
	if err != nil {
		body.stop()
		return nil, err
	}
	req.Header.Set("User-Agent", "hone")
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the content
	if r.rng != "" {
		req.Header.Set("Range", r.rng)
	}
	if home && c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	} else if password, ok := at.User.Password(); home && ok { // HF_ENDPOINT=https://user:password@mirror
		req.SetBasicAuth(at.User.Username(), password)
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		err = body.failed(err)
		body.stop()
		return nil, err
	}
	body.timer.Stop()
	body.body, resp.Body = resp.Body, body
	return resp, nil
}

// idleBody is a body whose reads must not stay silent for longer than timeout.
type idleBody struct {
	body    io.ReadCloser
	timer   *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
	failed  func(error) error
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.body.Read(p)
	b.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.failed(err)
	}
	return n, err
}

func (b *idleBody) stop() {
	b.timer.Stop()
	b.cancel(context.Canceled)
}

func (b *idleBody) Close() error {
	err := b.body.Close()
	b.stop()
	return err
}

func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// isHub says whether the address is one of a Hub, whose redirects are renames and not content.
func (c *Client) isHub(u *url.URL) bool {
	for _, hub := range []string{c.endpoint(), DefaultEndpoint, "https://hf.co"} {
		if h, err := url.Parse(hub); err == nil && sameOrigin(u, h) {
			return true
		}
	}
	return false
}

// retries decides whether and when to ask again.
type retries struct {
	c     *Client
	tries int // left
	n     int // waits so far
}

// again returns nil after a wait, when another try is due, and else why not, which is err itself mostly.
func (r *retries) again(ctx context.Context, err error) error {
	r.tries--
	if ctx.Err() != nil || !retryable(err) || r.tries <= 0 {
		return err
	}
	wait := time.Second << min(r.n, 3)
	wait += time.Duration(rand.Int64N(int64(wait / 8))) // so that workers don't come back all at once
	if status := (*statusError)(nil); errors.As(err, &status) && status.retryAfter > 0 {
		wait = status.retryAfter + time.Second/2
		if wait > maxWait {
			return err
		}
	}
	r.n++
	r.c.log().Warn("hub: trying again", "in", wait.Round(time.Millisecond), "after", err)
	doze := r.c.sleep
	if doze == nil {
		doze = sleep
	}
	return doze(ctx, wait)
}

// progressed forgives earlier failures: the server does send.
func (r *retries) progressed() { r.tries, r.n = maxTries, 0 }

var rateLimit = regexp.MustCompile(`"\w+"\s*;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})`)

// retryAfter is how long the server asks to wait, by RateLimit (as in the IETF draft, which the Hub sends on
// every reply) or Retry-After, 0 where it doesn't.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if m := rateLimit.FindStringSubmatch(h.Get("RateLimit")); m != nil {
		n, _ := strconv.Atoi(m[1])
		return time.Duration(n) * time.Second
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// json fetches a JSON text of at most maxListing bytes, trying as often as tries says.
func (c *Client) json(ctx context.Context, address string, tries int) ([]byte, http.Header, error) {
	timeout := orDefault(c.DownloadTimeout, 10*time.Second)
	if tries == 1 {
		timeout = orDefault(c.MetadataTimeout, 10*time.Second)
	}
	again := retries{c: c, tries: tries}
	for {
		data, header, err := c.jsonOnce(ctx, address, timeout)
		if err == nil {
			return data, header, nil
		}
		if err := again.again(ctx, err); err != nil {
			return nil, nil, err
		}
	}
}

func (c *Client) jsonOnce(ctx context.Context, address string, timeout time.Duration) ([]byte, http.Header, error) {
	resp, err := c.send(ctx, request{method: "GET", url: address, timeout: timeout})
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxListing {
		return nil, nil, fmt.Errorf("%s: the reply is longer than %d bytes", shown(resp.Request.URL), maxListing)
	}
	return data, resp.Header, nil
}
