package tokenizer

import (
	"fmt"
	"math/bits"
)

// maxID bounds token ids: tables are indexed by them.
const maxID = 1<<22 - 1

// A vocab holds the tokens of a model in one string and two flat tables, with no pointer per token.
type vocab struct {
	text  string
	at    [][2]uint32 // by id: where the token stands in text; absent where there is none
	slots []int32     // open addressing: id+1, or 0
	n     int         // tokens
}

var absent = [2]uint32{1, 0}

// newVocab builds a vocabulary of tokens[i] with ids[i].
func newVocab(tokens []string, ids []int32) (*vocab, error) {
	size, bytes := 0, 0
	for i, id := range ids {
		if id < 0 || id > maxID {
			return nil, fmt.Errorf("token %q has id %d, outside 0 to %d", clip(tokens[i]), id, maxID)
		}
		size = max(size, int(id)+1)
		bytes += len(tokens[i])
	}
	v := &vocab{at: make([][2]uint32, size), slots: make([]int32, 1<<bits.Len(uint(2*len(ids)))), n: len(ids)}
	for i := range v.at {
		v.at[i] = absent
	}
	blob := make([]byte, 0, bytes)
	for i, id := range ids {
		if v.at[id] != absent {
			return nil, fmt.Errorf("tokens %q and %q have the same id %d", clip(string(blob[v.at[id][0]:v.at[id][1]])), clip(tokens[i]), id)
		}
		start := len(blob)
		blob = append(blob, tokens[i]...)
		v.at[id] = [2]uint32{uint32(start), uint32(len(blob))}
	}
	v.text = string(blob)
	for i, id := range ids {
		k := v.slot(tokens[i])
		if old := v.slots[k]; old != 0 {
			return nil, fmt.Errorf("token %q has two ids, %d and %d", clip(tokens[i]), old-1, id)
		}
		v.slots[k] = id + 1
	}
	return v, nil
}

// token returns the token of id, and whether there is one.
func (v *vocab) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.at) || v.at[id] == absent {
		return "", false
	}
	return v.text[v.at[id][0]:v.at[id][1]], true
}

// id returns the id of token, or -1.
func (v *vocab) id(token string) int32 { return v.slots[v.slot(token)] - 1 }

// slot returns where token stands in slots, or would.
func (v *vocab) slot(token string) uint64 {
	mask := uint64(len(v.slots) - 1)
	for k := hash(token) & mask; ; k = (k + 1) & mask {
		id := v.slots[k]
		if id == 0 {
			return k
		}
		if at := v.at[id-1]; v.text[at[0]:at[1]] == token {
			return k
		}
	}
}

// hash mixes eight bytes at a time.
func hash(s string) uint64 {
	const m = 0x9e3779b97f4a7c15
	h := uint64(len(s)) * m
	for len(s) >= 8 {
		h = mix(h ^ load(s, 8))
		s = s[8:]
	}
	return mix(h ^ load(s, len(s)))
}

func mix(h uint64) uint64 {
	hi, lo := bits.Mul64(h^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}

func load(s string, n int) (v uint64) {
	if n == 8 {
		_ = s[7]
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	}
	for i := range n {
		v |= uint64(s[i]) << (8 * i)
	}
	return v
}

// clip shortens what stands in an error.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// A pairTable maps two adjacent tokens to their merge by open addressing.
type pairTable struct {
	slots []pairSlot
	mask  uint64
}

type pairSlot struct {
	left, right int32
	rank        uint32 // noRank in an empty slot
	id          int32
}

const noRank = ^uint32(0)

func newPairTable(n int) *pairTable {
	t := &pairTable{slots: make([]pairSlot, 1<<bits.Len(uint(2*n)))}
	t.mask = uint64(len(t.slots) - 1)
	for i := range t.slots {
		t.slots[i].rank = noRank
	}
	return t
}

func (t *pairTable) slot(left, right int32) *pairSlot {
	k := uint64(uint32(left))<<32 | uint64(uint32(right))
	for k = mix(k) & t.mask; ; k = (k + 1) & t.mask {
		s := &t.slots[k]
		if s.rank == noRank || s.left == left && s.right == right {
			return s
		}
	}
}

// rank returns the rank of a merge, or noRank.
func (t *pairTable) rank(left, right int32) uint32 { return t.slot(left, right).rank }

// put records a merge; a later one of the same pair replaces an earlier one.
func (t *pairTable) put(left, right int32, rank uint32, id int32) {
	*t.slot(left, right) = pairSlot{left, right, rank, id}
}
