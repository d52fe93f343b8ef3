package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// New returns a Client that follows the environment as huggingface_hub does:
//
//	HF_HOME, XDG_CACHE_HOME      where cache and token file are: $HF_HOME, else $XDG_CACHE_HOME/huggingface,
//	                             else ~/.cache/huggingface
//	HF_HUB_CACHE                 the cache itself, else $HF_HOME/hub (HUGGINGFACE_HUB_CACHE is the old name)
//	HF_ENDPOINT                  another Hub, as a mirror
//	HF_TOKEN, HF_TOKEN_PATH      the token, or the file that holds it, else $HF_HOME/token
//	HF_HUB_DISABLE_IMPLICIT_TOKEN  send no token
//	HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_DATASETS_OFFLINE  make no request
//	HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT  in seconds
//	HF_HUB_DISABLE_SYMLINKS      no symbolic links in the cache
//	HTTPS_PROXY, HTTP_PROXY, NO_PROXY
//	SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE  more certificates to trust (PEM)
func New() (*Client, error) { return fromEnv(os.Getenv, os.UserHomeDir) }

func fromEnv(getenv func(string) string, userHome func() (string, error)) (*Client, error) {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	isTrue := func(v string) bool {
		switch strings.ToUpper(v) {
		case "1", "ON", "YES", "TRUE":
			return true
		}
		return false
	}

	hfHome, err := homeFolder(getenv, userHome)
	if err != nil {
		return nil, err
	}
	c := &Client{
		Endpoint: first("HF_ENDPOINT"),
		Cache:    filepath.Join(hfHome, "hub"),
		// HF_HUB_OFFLINE=0 wins over TRANSFORMERS_OFFLINE=1 in the reference, too.
		Offline:    isTrue(first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")) || isTrue(getenv("HF_DATASETS_OFFLINE")),
		NoSymlinks: isTrue(getenv("HF_HUB_DISABLE_SYMLINKS")),
		CAFile:     first("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
	}
	if v := first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"); v != "" {
		if c.Cache, err = expand(v, getenv, userHome); err != nil {
			return nil, err
		}
	}
	if c.MetadataTimeout, err = seconds(getenv, "HF_HUB_ETAG_TIMEOUT"); err != nil {
		return nil, err
	}
	if c.DownloadTimeout, err = seconds(getenv, "HF_HUB_DOWNLOAD_TIMEOUT"); err != nil {
		return nil, err
	}
	if isTrue(getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return c, nil
	}
	c.Token, err = token(first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), getenv("HF_TOKEN_PATH"), hfHome, getenv, userHome)
	return c, err
}

// homeFolder is $HF_HOME or where it would be.
func homeFolder(getenv func(string) string, userHome func() (string, error)) (string, error) {
	if v := getenv("HF_HOME"); v != "" {
		return expand(v, getenv, userHome)
	}
	if v := getenv("XDG_CACHE_HOME"); v != "" {
		return expand(filepath.Join(v, "huggingface"), getenv, userHome)
	}
	home, err := userHome()
	if err != nil {
		return "", fmt.Errorf("hub: no home folder for the cache (%w): set HF_HOME", err)
	}
	return filepath.Join(home, ".cache", "huggingface"), nil
}

// token is the cleaned token: the variable's, else what the token file holds, else empty.
func token(variable, path, hfHome string, getenv func(string) string, userHome func() (string, error)) (string, error) {
	source, t := "HF_TOKEN", variable
	if t == "" {
		source = filepath.Join(hfHome, "token")
		if path != "" {
			var err error
			if source, err = expand(path, getenv, userHome); err != nil {
				return "", err
			}
		}
		data, err := readSmall(source, 1<<16)
		if os.IsNotExist(err) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("hub: token file: %w", err)
		}
		t = string(data)
	}
	t = strings.TrimSpace(t)
	for _, r := range t {
		if r <= ' ' || r > '~' {
			return "", fmt.Errorf("hub: the token in %s has a character that no token has: copy it again from the Hub's settings", source)
		}
	}
	return t, nil
}

func seconds(getenv func(string) string, name string) (time.Duration, error) {
	v := getenv(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n >= 0 && n <= 1e6) {
		return 0, fmt.Errorf("hub: %s=%q: want a number of seconds", name, v)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// expand replaces a leading ~ and variables that are set, and makes the path absolute.
func expand(path string, getenv func(string) string, userHome func() (string, error)) (string, error) {
	if path == "~" || strings.HasPrefix(path, "~/") || strings.HasPrefix(path, `~\`) {
		home, err := userHome()
		if err != nil {
			return "", fmt.Errorf("hub: %s: %w", path, err)
		}
		path = home + path[1:]
	}
	path = os.Expand(path, func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return "$" + name
	})
	return filepath.Abs(path)
}
