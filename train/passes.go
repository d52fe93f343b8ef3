package train

// passTokens is how many tokens go through a model at once while few of its weights are trained: enough for products to be as fast
// as they get. With all of them trained it is four times as many.
const passTokens = 512

// PassTokens returns how many tokens of a batch go through the model at once. The gradient of a batch is the sum of those of its parts,
// so that activations take the memory of a part, however large the batch. Each part reads all weights, and reads and writes the
// gradients of those that are trained.
func PassTokens(trained, weights int64) int {
	if 16*trained > weights {
		return 4 * passTokens
	}
	return passTokens
}

// Pass returns how many examples at the beginning of a batch go through the model together: parts of a batch have about as many
// tokens each, at most limit, or are one example that has more. lengths are the tokens of all examples.
func Pass(batch []int32, lengths []int, limit int) int {
	total := tokens(batch, lengths)
	if total <= limit {
		return len(batch)
	}
	parts := (total + limit - 1) / limit
	n, sum := 1, lengths[batch[0]]
	for n < len(batch) && sum*parts < total && sum+lengths[batch[n]] <= limit {
		sum += lengths[batch[n]]
		n++
	}
	return n
}

func tokens(batch []int32, lengths []int) (n int) {
	for _, i := range batch {
		n += lengths[i]
	}
	return n
}
