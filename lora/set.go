package lora

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hone-ml/hone/compute"
	"github.com/hone-ml/hone/model"
)

// A Set is adapters of one base model, by name, of which at most one is active. Its methods may not be called while
// the model is in use.
type Set struct {
	Device compute.Device // on which adapters are frozen as they are loaded; nil leaves them as they are

	model  *model.Model
	all    map[string]*Adapter
	active string
}

// NewSet returns a Set without adapters.
func NewSet(m *model.Model) *Set { return &Set{model: m, all: map[string]*Adapter{}} }

// Load adds the adapter in dir under a name of the caller's. It does not become active.
func (s *Set) Load(name, dir string) error {
	if _, ok := s.all[name]; ok || name == "" {
		return fmt.Errorf("lora: the name %q of an adapter is taken or empty", name)
	}
	active := s.active
	s.use("")
	defer s.use(active)
	a, err := Load(dir, s.model)
	if err != nil {
		return err
	}
	if s.Device != nil {
		a.Freeze(s.Device)
	}
	a.Disable()
	s.all[name] = a
	return nil
}

// Remove takes an adapter and its memory away; it may not be active.
func (s *Set) Remove(name string) error {
	a := s.all[name]
	if a == nil || name == s.active {
		return fmt.Errorf("lora: the adapter %q can't be removed: it is active or unknown; there are %q", name, s.Names())
	}
	s.model.RemoveParams(a.params)
	delete(s.all, name)
	return nil
}

// Use makes the named adapter the active one; "" means the base model alone.
func (s *Set) Use(name string) error {
	if _, ok := s.all[name]; !ok && name != "" {
		return fmt.Errorf("lora: there is no adapter %q; there are %q", name, s.Names())
	}
	s.use(name)
	return nil
}

func (s *Set) use(name string) {
	if a := s.all[s.active]; a != nil {
		a.Disable()
	}
	if a := s.all[name]; a != nil {
		a.Enable()
	}
	s.active = name
}

// Active returns the name of the active adapter, "" if there is none.
func (s *Set) Active() string { return s.active }

// Names returns the names of the adapters, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.all)) }
