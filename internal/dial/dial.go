// Package dial is the one place of the program where connections to other machines begin, so that --offline can be a
// promise: once Forbid has been called there are none, and no name server is asked either. A test finds whoever else
// would dial.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ErrForbidden is what a connection that would leave this machine gets after Forbid.
var ErrForbidden = errors.New("offline: no connection may leave this machine")

// forbidden is set once, by a flag or the environment, and never taken back.
var forbidden atomic.Bool

// Forbid makes every connection to another machine an ErrForbidden for the rest of the process, also those of the standard
// library's default client and resolver, which nothing here uses.
func Forbid() {
	if forbidden.Swap(true) {
		return
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: Context}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.DialContext, t.Proxy = Context, nil
	}
}

// Context connects to address, as net.Dialer.DialContext does.
func Context(ctx context.Context, network, address string) (net.Conn, error) {
	if forbidden.Load() {
		var err error
		if address, err = loopback(address); err != nil {
			return nil, err
		}
	}
	d := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return d.DialContext(ctx, network, address)
}

// loopback returns the address if it is one of this machine's own, with a number in place of the name: nobody is asked what
// a name means.
func loopback(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("connecting to %s: %w", address, ErrForbidden)
	}
	return net.JoinHostPort(host, port), nil
}
