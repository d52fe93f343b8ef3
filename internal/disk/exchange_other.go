//go:build !linux && !darwin

package disk

import "errors"

// exchange would swap two names in one step; here there is no such call.
func exchange(a, b string) error { return errors.ErrUnsupported }
