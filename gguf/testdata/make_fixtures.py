"""Makes the fixtures of the gguf tests with the Python package gguf: run it in this folder, with the path of
ggml's base library (libggml-base.so of a llama.cpp build for a machine without fused multiplication) as argument.

types.gguf   blocks of random bits of every type that can be read ("q.TYPE") beside the float32 values that the
             package finds in them ("f.TYPE")
quants.gguf  float32 rows ("x") beside the blocks that ggml's reference quantizers make of them ("TYPE")
meta.gguf    every type of metadata, alone and in arrays, tensors of zero to four dimensions, alignment 64
"""

import ctypes
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFReader, GGUFValueType as V
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

rng = np.random.default_rng(1)
LIB = ctypes.CDLL(sys.argv[1])


def close(w):
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def halves(n):
    """Finite float16 of all magnitudes, as bytes."""
    h = rng.integers(0, 1 << 16, 2 * n).astype(np.uint16)
    return h[(h & 0x7C00) != 0x7C00][:n].view(np.uint8).reshape(n, 2)


# Where in a block its float16 stand.
SCALES = {
    T.F16: [0], T.BF16: [], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
    T.IQ4_NL: [0], T.IQ4_XS: [0],
}  # fmt: skip


def types():
    w = GGUFWriter("types.gguf", "none")
    for t, places in SCALES.items():
        block, size = GGML_QUANT_SIZES[t]
        n = 3 * max(1, 256 // block)
        raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
        for p in places:
            raw[:, p : p + 2] = halves(n)
        if t == T.BF16:
            raw[:, 1] &= 0xBF  # below the exponent of infinity
        raw = raw.reshape(3, -1)
        w.add_tensor("q." + t.name, raw, raw_dtype=t)
        f = dequantize(raw, t)
        assert f.dtype == np.float32 and np.isfinite(f).all(), t
        w.add_tensor("f." + t.name, f)
    close(w)


def inputs():
    def normal(scale):
        return rng.standard_normal(256) * scale

    rows = [normal(s) for s in (0.02, 0.02, 0.1, 1, 7, 1e3, 1e-3, 1e-6, 1e-9, 1e-14, 1e-22, 1e-39, 1e-43)]
    rows += [rng.standard_t(2, 256) * 0.02 for _ in range(3)]
    rows += [abs(normal(1)), -abs(normal(1)), normal(0.01) + 3, normal(0.01) - 3]
    rows += [np.zeros(256), np.full(256, 0.5), np.full(256, -0.5), -np.zeros(256)]
    rows += [np.arange(256) - 128.0, np.arange(256) / 255, np.round(normal(3)), np.round(normal(40)) / 2]
    rows += [np.where(np.arange(256) % 64 < 32, 0, normal(1)), np.where(np.arange(256) == 77, 65504, normal(1e-3))]
    rows += [np.where(rng.random(256) < 0.9, 0, normal(1)), normal(1) * np.repeat(2.0 ** np.arange(-16, 16), 8)]
    rows += [rng.choice([-65504.0, 65504.0], 256), rng.uniform(-127, 127, 256).round() + rng.choice([0, 0.5], 256)]
    return np.array(rows, dtype=np.float32)


def quants():
    w = GGUFWriter("quants.gguf", "none")
    x = inputs()
    w.add_tensor("x", x)
    w.add_tensor("F16", x.astype(np.float16))
    w.add_tensor("BF16", quantize(x, T.BF16), raw_dtype=T.BF16)
    for t in (T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q4_K, T.Q6_K):
        block, size = GGML_QUANT_SIZES[t]
        raw = np.zeros((len(x), 256 // block * size), dtype=np.uint8)
        name = "quantize_row_" + t.name.replace("Q", "q") + "_ref"
        f = LIB[name]
        f.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        f(x.ctypes.data, raw.ctypes.data, x.size)
        w.add_tensor(t.name, raw, raw_dtype=t)
        if t in (T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0):
            with np.errstate(all="ignore"):
                same = (quantize(x, t) == raw).all(axis=1)
            print(t.name, "rows in which gguf and ggml differ:", np.flatnonzero(~same))
        err = dequantize(raw, t).astype(np.float64)[:2] - x[:2]
        print(t.name, "root mean square error of the first rows:", np.sqrt((err**2).mean()))
    close(w)


def meta():
    w = GGUFWriter("meta.gguf", "none")
    w.add_custom_alignment(64)
    scalars = {
        V.UINT8: 255, V.INT8: -128, V.UINT16: 65535, V.INT16: -32768, V.UINT32: 4294967295, V.INT32: -2147483648,
        V.FLOAT32: 0.1, V.BOOL: True, V.STRING: "naïve\n\0", V.UINT64: 2**64 - 1, V.INT64: -(2**63), V.FLOAT64: 0.1,
    }  # fmt: skip
    for t, v in scalars.items():
        w.add_key_value("one." + t.name.lower(), v, t)
    for t, v in scalars.items():
        small = ["", "é"] if t == V.STRING else [False, True] if t == V.BOOL else [0, 1]
        w.add_key_value("many." + t.name.lower(), [*small, v], V.ARRAY, sub_type=t)
    w.add_tensor("scalar", np.array(1.5, dtype=np.float32))
    w.add_tensor("vector", np.arange(3, dtype=np.float32))
    w.add_tensor("matrix", np.arange(6, dtype=np.float16).reshape(2, 3))
    w.add_tensor("cube", np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    w.add_tensor("four", np.arange(24, dtype=np.float64).reshape(1, 2, 3, 4))
    w.add_tensor("empty", np.zeros((2, 0), dtype=np.float32))
    close(w)


types()
quants()
meta()
for name in ("types.gguf", "quants.gguf", "meta.gguf"):
    print(name, len(GGUFReader(name).tensors), "tensors")
