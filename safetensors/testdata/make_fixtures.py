"""Makes the fixtures of the safetensors tests with the Python packages: run it in this folder.

types.safetensors   a tensor of every dtype, a scalar, empty tensors, names that JSON escapes
floats.safetensors  bits in F64, F16, BF16 beside what PyTorch widens or narrows them to ("X.f32", "f32.X")
sharded/            three shards and their index; one tensor is larger than a shard
"""

import json
import os

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file

torch.manual_seed(1)
PT = {"format": "pt"}
RAW = torch.arange(16, dtype=torch.uint8)

types = {
    name: RAW.view(getattr(torch, attr)).clone()
    for name, attr in {
        "u64": "uint64", "i64": "int64", "f64": "float64", "c64": "complex64", "f32": "float32",
        "u32": "uint32", "i32": "int32", "bf16": "bfloat16", "f16": "float16", "u16": "uint16",
        "i16": "int16", "e5z": "float8_e5m2fnuz", "e4z": "float8_e4m3fnuz", "e8": "float8_e8m0fnu",
        "e4": "float8_e4m3fn", "e5": "float8_e5m2", "i8": "int8", "u8": "uint8", "f4": "float4_e2m1fn_x2",
    }.items()
}
types |= {
    "bool": torch.tensor([[True, False], [False, True]]),
    "scalar": torch.tensor(1.5),
    "negative": torch.tensor([-1, -(2**63), 2**63 - 1]),
    "empty": torch.zeros(0, 3),
    "empty.i8": torch.zeros(2, 0, dtype=torch.int8),
    'a "quoted\\name"\n\t\x01\x7f<é\u2028>': torch.tensor([[1.0, -0.0], [float("inf"), 3.25]]),
}
save_file(types, "types.safetensors", PT)


def finite_or_inf(bits, dtype):
    x = bits.view(dtype)
    return x[~x.isnan()][:500].clone()


bits32 = torch.randint(-(2**31), 2**31, (600,), dtype=torch.int64).to(torch.int32)
near16 = (torch.randn(600) * torch.exp2(torch.randint(-26, 17, (600,)).float()))
ties = (torch.arange(1, 64) / 2) * 2.0**-24  # subnormal halves and their ties
edges = torch.tensor([65504.0, 65519.996, 65520.0, -65520.0, 2.0**-14, 2.0**-24, 2.0**-25, 0.0, -0.0, float("inf"), -float("inf"), 3.4028235e38])
f32 = torch.cat([finite_or_inf(bits32, torch.float32), near16, ties, edges])
bits16 = torch.randint(-(2**15), 2**15, (600,), dtype=torch.int64).to(torch.int16)
wide = {
    "bf16": finite_or_inf(bits16, torch.bfloat16),
    "f16": finite_or_inf(bits16, torch.float16),
    "f64": torch.cat([near16.double() * 1.0000001, torch.tensor([1e300, -1e300, 1e-300, 1e-42, 1 + 2.0**-24, 1 + 3 * 2.0**-24, 3.4028235677973366e38], dtype=torch.float64)]),
}
floats = {"f32": f32}
for name, x in wide.items():
    floats |= {name: x, name + ".f32": x.float(), "f32." + name: f32.to(x.dtype)}
save_file(floats, "floats.safetensors", PT)

model = {
    "wte.weight": torch.arange(12.0).view(6, 2),
    "h.0.ln.weight": torch.ones(2, dtype=torch.float16),
    "h.0.attn.weight": torch.arange(40.0).view(4, 10),
    "h.0.attn.bias": torch.arange(10, dtype=torch.bfloat16),
    "h.0.step": torch.tensor(7),
    "ln_f.weight": torch.full((8,), 2.0),
}
split = split_torch_state_dict_into_shards(model, max_shard_size=80)
os.makedirs("sharded", exist_ok=True)
for file, names in split.filename_to_tensors.items():
    save_file({n: model[n] for n in names}, os.path.join("sharded", file), PT)
index = {
    "metadata": {"total_parameters": sum(t.numel() for t in model.values()), **split.metadata},
    "weight_map": split.tensor_to_filename,
}
with open("sharded/model.safetensors.index.json", "w", encoding="utf-8") as f:
    f.write(json.dumps(index, indent=2, sort_keys=True) + "\n")
