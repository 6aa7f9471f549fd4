"""Each framework's code for what the reference writes in NumPy, so that a mistake is written down only once."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Templates; `{a}` and `{b}` stand for arrays."""

    sigmoid: str
    tanh: str
    absolute: str
    clip: str
    concatenate: str
    batch_major: str
    detach: str
    no_nan: str
    other_dtype: str
    sqrt: str
    sign: str
    softmax: str
    log_sum_exp: str  #: over axis {b}, which is kept
    pick: str  #: minus the entry of {a} at the targets {b}, averaged
    relu: str
    backwards: str  #: in reverse order
    rows_mean: str  #: mean over the last axis, which is kept
    matmul: str = "{a} @ {b}"
    transposed: str = "{a}.T"


WORDS = {
    "torch": Words(
        "torch.sigmoid(", "torch.tanh(", "torch.abs(", "torch.clamp(", "torch.cat(outputs, dim={a})",
        "torch.stack(outputs, dim=1).reshape((-1, outputs[0].shape[1]))", "{a}.detach()", "torch.nan_to_num({a})",
        "{a}.to(torch.float64 if H.dtype == torch.float32 else torch.float32)", "torch.sqrt", "torch.sign",
        "torch.softmax({a}, 1)", "torch.logsumexp({a}, {b}, keepdim=True)",
        "-{a}.gather(1, {b}.long()[:, None]).mean()",
        "torch.relu(", "torch.flip({a}, [0])",
        "{a}.mean(1, keepdim=True)"),
    "tensorflow": Words(
        "tf.sigmoid(", "tf.tanh(", "tf.abs(", "tf.clip_by_value(", "tf.concat(outputs, axis={a})",
        "tf.reshape(tf.stack(outputs, axis=1), (-1, outputs[0].shape[1]))", "tf.stop_gradient({a})",
        "tf.where(tf.math.is_nan({a}), tf.zeros_like({a}), {a})",
        "tf.cast({a}, tf.float64 if H.dtype == tf.float32 else tf.float32)", "tf.sqrt", "tf.sign",
        "tf.nn.softmax({a})", "tf.reduce_logsumexp({a}, axis={b}, keepdims=True)",
        "-tf.reduce_mean(tf.gather({a}, {b}, axis=1, batch_dims=1))",
        "tf.nn.relu(", "tf.reverse({a}, [0])", "tf.reduce_mean({a}, axis=1, keepdims=True)",
        "tf.matmul({a}, {b})", "tf.transpose({a})"),
    "jax": Words(
        "jax.nn.sigmoid(", "jnp.tanh(", "jnp.abs(", "jnp.clip(", "jnp.concatenate(outputs, axis={a})",
        "jnp.stack(outputs, axis=1).reshape((-1, outputs[0].shape[1]))", "jax.lax.stop_gradient({a})",
        "jnp.nan_to_num({a})", "{a}.astype(jnp.float64 if H.dtype == jnp.float32 else jnp.float32)", "jnp.sqrt",
        "jnp.sign", "jax.nn.softmax({a})", "jax.nn.logsumexp({a}, axis={b}, keepdims=True)",
        "-jnp.take_along_axis({a}, {b}[:, None], axis=1).mean()",
        "jax.nn.relu(", "{a}[::-1]", "{a}.mean(axis=1, keepdims=True)"),
    "mxnet": Words(
        "npx.sigmoid(", "np.tanh(", "np.abs(", "np.clip(", "np.concatenate(outputs, axis={a})",
        "np.stack(outputs, axis=1).reshape((-1, outputs[0].shape[1]))", "{a}.detach()",
        "np.where(np.isnan({a}), np.zeros_like({a}), {a})",
        "{a}.astype('float64' if H.dtype == 'float32' else 'float32')", "np.sqrt", "np.sign",
        "(np.exp({a}) / np.exp({a}).sum(axis=1, keepdims=True))", "np.log(np.exp({a}).sum(axis={b}, keepdims=True))",
        "-npx.pick({a}, {b})", "npx.relu(", "np.flip({a}, 0)", "{a}.mean(axis=1, keepdims=True)", "np.dot({a}, {b})"),
    "paddle": Words(
        "Function.sigmoid(", "paddle.tanh(", "paddle.abs(", "paddle.clip(", "paddle.concat(outputs, axis={a})",
        "paddle.stack(outputs, axis=1).reshape((-1, outputs[0].shape[1]))", "{a}.detach()", "paddle.nan_to_num({a})",
        "{a}.astype('float64' if H.dtype == paddle.float32 else 'float32')", "paddle.sqrt", "paddle.sign",
        "nn.functional.softmax({a})", "paddle.logsumexp({a}, axis={b}, keepdim=True)",
        "-paddle.take_along_axis({a}, {b}.reshape((-1, 1)), axis=1).mean()",
        "Function.relu(", "paddle.flip({a}, 0)", "{a}.mean(axis=1, keepdim=True)"),
}


def translated(text: str, backend: str) -> str:
    """Code of the reference's `lstm` as it reads in the tab of a backend."""
    w = WORDS[backend]
    text = re.sub(r"A_\w :?= (?=\()?", "", text) if ":=" in text else text
    text = re.sub(r"(?<![\w.])sigmoid\(", w.sigmoid, text)
    text = text.replace("np.tanh(", w.tanh).replace("clip(", w.clip).replace("absolute(", w.absolute)
    text = text.replace("relu(", w.relu)
    text = text.replace("inputs[::-1]", w.backwards.format(a="inputs"))
    if backend == "tensorflow":
        text = text.replace("for X in inputs", "for X in tf.unstack(inputs)")
    text = text.replace("batch_major", w.batch_major)
    text = re.sub(r"np\.concatenate\(outputs, axis=(\d)\)", lambda m: w.concatenate.format(a=m[1]), text)
    text = text.replace("np.concatenate(outputs[::-1], axis=0)",
                        w.concatenate.format(a=0).replace("outputs", "outputs[::-1]"))
    text = re.sub(r"detach\((\w+)\)", lambda m: w.detach.format(a=m[1]), text)
    text = re.sub(r"no_nan\((.+?)\), \(H", lambda m: w.no_nan.format(a=m[1]) + ", (H", text)
    text = re.sub(r"other_dtype\((.+?)\), \(H", lambda m: w.other_dtype.format(a=m[1]) + ", (H", text)

    def product(match: re.Match) -> str:
        a, b = (w.transposed.format(a=side.removesuffix(".T")) if side.endswith(".T") else side
                for side in (match[1], match[2]))
        return w.matmul.format(a=a, b=b)

    text = re.sub(r"\((\w \* \w)\) @ ([\w.]+)", product, text) if "matmul" in w.matmul or "dot" in w.matmul else text
    return re.sub(r"([\w.]+(?:\([\w]+\))?) @ ([\w.]+)", product, text)
