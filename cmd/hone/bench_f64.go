//go:build f64

package main

import "errors"

type benchCommand struct{}

func (benchCommand) Run(*app) error { return errors.New("there is nothing to measure in float64") }
