"""Prints ../torch_test.go: losses, gradients and AdamW updates as torch computes them.

Run as: python make_torch.py > ../torch_test.go && gofmt -w ../torch_test.go
"""

import torch
import torch.nn.functional as F

torch.manual_seed(7)


def literal(t):
    return "{" + ", ".join("%.9g" % v for v in t.flatten().tolist()) + "}"


print("// Made by testdata/make_torch.py with torch %s.\n" % torch.__version__.split("+")[0])
print("package compute\n")

logits = (3 * torch.randn(4, 7)).requires_grad_()
labels = torch.tensor([6, 0, 3, 3])
print("var torchLogits = []Float%s\n" % literal(logits.detach()))
print("var torchLabels = []int32%s\n" % literal(labels))
print("// The loss of each row and the gradient of their mean.")
print("var torchLosses = []struct {\n\tsmoothing Float\n\tloss, grad []Float\n}{")
for smoothing in (0.0, 0.1):
    logits.grad = None
    loss = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    loss.mean().backward()
    print("\t{%g, []Float%s, []Float%s}," % (smoothing, literal(loss.detach()), literal(logits.grad)))
print("}\n")

w = torch.randn(6).requires_grad_()
start = w.detach().clone()
opt = torch.optim.AdamW([w], lr=0.01, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1, foreach=False)
print("// Weights before AdamW with lr 0.01, β 0.9 and 0.95, ε 1e-6 and weight decay 0.1.")
print("var torchWeights = []float32%s\n" % literal(start))
print("// Each step's gradient, clipped to a norm of 1 by norm, and what it leaves.")
print("var torchSteps = []struct {\n\tnorm float64\n\tg, w, m, v []float32\n}{")
for step in range(4):
    g = torch.randn(6) * 10.0 ** (1 - step)
    w.grad = g.clone()
    norm = torch.linalg.vector_norm(g.double()).item()
    w.grad *= min(1.0, 1.0 / norm)
    opt.step()
    s = opt.state[w]
    print("\t{%.17g, []float32%s, []float32%s, []float32%s, []float32%s}," % (
        norm, literal(g), literal(w.detach()), literal(s["exp_avg"]), literal(s["exp_avg_sq"])))
print("}")
