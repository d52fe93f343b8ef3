package lora

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// AllLinear, as target_modules, means every linear layer but the head.
const AllLinear = "all-linear"

// Names chooses modules: by the ends of their names, or by a regular expression that matches all of the name. In
// JSON it is a list or a string.
type Names struct {
	List  []string
	Regex string
}

// UnmarshalJSON reads a list, a string or null.
func (n *Names) UnmarshalJSON(b []byte) error {
	*n = Names{}
	if json.Unmarshal(b, &n.Regex) == nil || json.Unmarshal(b, &n.List) == nil {
		return nil
	}
	return errors.New("expected a list of module names or a regular expression")
}

// MarshalJSON writes what UnmarshalJSON reads.
func (n Names) MarshalJSON() ([]byte, error) {
	if n.Regex != "" {
		return json.Marshal(n.Regex)
	}
	return json.Marshal(n.List)
}

func (n Names) empty() bool { return n.Regex == "" && len(n.List) == 0 }

func (n Names) check() error {
	if slices.Contains(n.List, "") {
		return errors.New("a list of modules has an empty name")
	}
	_, err := whole(n.Regex)
	return err
}

// match reports whether n chooses the module. It has been checked.
func (n Names) match(module string) bool {
	if n.Regex != "" {
		re, err := whole(n.Regex)
		return err == nil && re.MatchString(module)
	}
	return slices.ContainsFunc(n.List, func(name string) bool { return module == name || strings.HasSuffix(module, "."+name) })
}

// String lists the names.
func (n Names) String() string {
	if n.Regex != "" {
		return n.Regex
	}
	return strings.Join(n.List, ", ")
}

// whole compiles a regular expression that has to match all of a name, like Python's re.fullmatch.
func whole(regex string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(regex); err != nil {
		return nil, fmt.Errorf("%q is not a regular expression that hone knows: %w; list the modules by name instead", regex, err)
	}
	return regexp.Compile(`\A(?:` + regex + `)\z`)
}

// A Pattern overrides a number for some modules: the first rule that matches holds.
type Pattern []Rule

// A Rule gives the modules whose names end as the regular expression Module says a value.
type Rule struct {
	Module string
	Value  float64
}

// of returns the value for the module, or otherwise.
func (p Pattern) of(module string, otherwise float64) float64 {
	for _, r := range p {
		if re, err := r.regexp(); err == nil && re.MatchString(module) {
			return r.Value
		}
	}
	return otherwise
}

func (r Rule) regexp() (*regexp.Regexp, error) { return whole(`(?:.*\.)?(?:` + r.Module + `)`) }

func (p Pattern) check() error {
	for _, r := range p {
		if _, err := r.regexp(); err != nil {
			return err
		}
	}
	return nil
}

// UnmarshalJSON reads an object in the order of its keys.
func (p *Pattern) UnmarshalJSON(b []byte) error {
	*p = nil
	var values map[string]float64
	if err := json.Unmarshal(b, &values); err != nil {
		return errors.New("expected an object of module names and numbers")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.Token() // {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if _, err := d.Token(); err != nil {
			return err
		}
		module, _ := name.(string)
		*p = append(*p, Rule{module, values[module]})
	}
	return nil
}

// MarshalJSON writes the object that UnmarshalJSON reads.
func (p Pattern) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, r := range p {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(r.Module)
		if err != nil {
			return nil, err
		}
		b = append(append(b, key...), ':')
		b = strconv.AppendFloat(b, r.Value, 'g', -1, 64)
	}
	return append(b, '}'), nil
}

// Layers are numbers of blocks. In JSON it is a list or one number.
type Layers []int

// UnmarshalJSON reads a list, a number or null. An empty list means what null does, as in PEFT.
func (l *Layers) UnmarshalJSON(b []byte) error {
	*l = nil
	var one int
	if json.Unmarshal(b, (*[]int)(l)) == nil {
		if len(*l) == 0 {
			*l = nil
		}
		return nil
	}
	if err := json.Unmarshal(b, &one); err != nil {
		return errors.New("expected a list of layers or one")
	}
	*l = Layers{one}
	return nil
}

// has reports whether the module, such as model.layers.7.mlp.up_proj, is in one of the layers.
func (l Layers) has(module string) bool {
	if l == nil {
		return true
	}
	for part := range strings.SplitSeq(module, ".") {
		if n, err := strconv.Atoi(part); err == nil {
			return slices.Contains(l, n)
		}
	}
	return false
}

// Init says how adapters begin: "true" draws A as a torch.nn.Linear's weight and makes B zero, "gaussian" draws A
// from N(0, 1/r²), "false" draws B too, so that the adapter changes the model from the start. Other names are
// found in files of trained adapters, where they no longer matter.
type Init string

// UnmarshalJSON reads a boolean or a name.
func (i *Init) UnmarshalJSON(b []byte) error {
	var yes bool
	if json.Unmarshal(b, &yes) == nil && string(b) != "null" {
		*i = Init(strconv.FormatBool(yes))
		return nil
	}
	if json.Unmarshal(b, (*string)(i)) != nil {
		return errors.New("init_lora_weights: expected true, false or a name")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (i Init) MarshalJSON() ([]byte, error) {
	if i == "true" || i == "false" {
		return []byte(i), nil
	}
	return json.Marshal(string(i))
}

func (i Init) check() error {
	switch i {
	case "true", "false", "gaussian", "orthogonal", "eva":
		return nil
	}
	return fmt.Errorf("init_lora_weights is %q: such adapters belong to a changed base model; have PEFT convert them to plain LoRA when it saves them", string(i))
}
