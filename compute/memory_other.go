//go:build !linux

package compute

func advise([]Float) {}
