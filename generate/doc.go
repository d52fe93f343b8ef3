// Package generate continues prompts with a language model, as the reference's model.generate and
// pipeline("text-generation") do: the same settings under the same names, the same processing of the scores in the
// same order, the same shapes of answers.
//
// A Batch is the engine: sequences that come and go, one pass of the model for each token of them all, nothing
// padded. A Generator runs lists of prompts through it, and a Pipeline takes and gives text and chats.
package generate
