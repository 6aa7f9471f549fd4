"""Mistakes of precision: right in float64, and in float32 fewer digits than float32 has, or wrong in float16 alone."""

from lstm_ref.parity.mistakes.mistake import Edit, Mistake

COARSE: Edit = ("lstm", "def dsigmoid(x: Array) -> Array:", '''def coarse(x, bits, smallest=0.0):
    """x with its significand rounded to so many bits; below `smallest`, float16's last normal number, to its digits."""
    m, e = np.frexp(np.asarray(x))
    e = np.maximum(e, np.frexp(smallest)[1]) if smallest else e
    step = np.ldexp(np.ones_like(m), e - bits)
    return (np.rint(np.asarray(x) / step) * step).view(type(x))


def dsigmoid(x: Array) -> Array:''')
HALF = "11, 2.0**-14"


def _products(name: str, sentence: str, fix: str, products: str, source: str) -> Mistake:
    return Mistake(name, sentence, fix, "forward", (COARSE,), source, ("float32",), products=products)


PRECISION = (
    _products("products in TF32", "The factors of matrix products keep 11 significant bits of 24.",
              "Ask for float32 products (torch.backends.cuda.matmul.allow_tf32 = False and the like).",
              "coarse(a, 11) @ coarse(b, 11)",
              "https://tensorflow.org/api_docs/python/tf/config/experimental/enable_tensor_float_32_execution"),
    _products("products in bfloat16", "The factors of matrix products keep 8 significant bits of 24.",
              'Ask for float32 products (jax.default_matmul_precision("highest") and the like).',
              "coarse(a, 8) @ coarse(b, 8)", "https://docs.jax.dev/en/latest/201/precision.html"),
    _products("products in float16", "Matrix products are computed from float16 factors and rounded to float16.",
              "Switch automatic mixed precision off.",
              f"coarse(coarse(a, {HALF}) @ coarse(b, {HALF}), {HALF})",
              "https://github.com/Lightning-AI/pytorch-lightning/issues/9599"),
    Mistake("memory cell in bfloat16", "C is rounded to 8 significant bits at each step.", "Keep C in float32.",
            "forward", (COARSE, ("lstm", "C = F * C + I * C_tilda", "C = coarse(F * C + I * C_tilda, 8)")), "",
            ("float32",)),
    Mistake("gradients in float16", "The parameters' gradients are rounded to float16.",
            "Switch automatic mixed precision off, or scale the loss.", "backward",
            (COARSE, ("lstm", "return LSTMGrads(LSTMParams(**d)",
                      f"return LSTMGrads(LSTMParams(**{{k: coarse(v, {HALF}) for k, v in d.items()}})"),), "",
            ("float32",)),
    Mistake("softmax in float16", "The loss is computed from outputs rounded to float16.",
            "Compute the loss in float32.", "backward",
            (("loss", "    shifted = outputs - outputs.real.max(axis=-1, keepdims=True)\n",
              "    m, e = np.frexp(np.asarray(outputs))\n    step = np.ldexp(np.ones_like(m), e - 11)\n"
              "    outputs = (np.rint(np.asarray(outputs) / step) * step).view(type(outputs))\n"
              "    shifted = outputs - outputs.real.max(axis=-1, keepdims=True)\n"),), "", ("float32",)),
    Mistake("loss scaling not undone", "In float16 the gradients are those of the loss times 1,024.",
            "Divide the gradients by the scale before they are clipped (GradScaler.unscale_ and the like).", "float16",
            (("lstm", "    dH, dC = d_state\n",
              "    scale = 1024 if d_outputs.dtype == np.float16 else 1\n"
              "    d_outputs = d_outputs * d_outputs.dtype.type(scale)\n    dH, dC = d_state\n"),),
            "https://docs.pytorch.org/docs/stable/notes/amp_examples.html", ("float16",)),
)
