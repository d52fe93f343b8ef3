// Package serve answers HTTP requests with models in memory: OpenAI's routes for chats, completions and embeddings,
// Ollama's for generate and chat, and /v1/classify for classifiers.
//
// Each base model has one engine, the only goroutine that computes with it. What comes in while the engine is busy is
// in its next pass: sequences being generated go on side by side, and texts to classify or embed are packed together,
// whoever asks. Adapters share their base model's engine and memory. An answer doesn't depend on what else is being
// computed, but for the last digits of its numbers.
//
// Models are there from the start (Server.Add) or loaded when they are first asked for (Server.Offer). One is loaded at a
// time; those who want it wait for it within the time of a request, and nobody else waits.
package serve
