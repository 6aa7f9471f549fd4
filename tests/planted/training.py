"""How the mistakes in loss, clipping, update and loop are made in each tab's training.py: see `tabs`."""

from words import WORDS

Change = str | tuple[tuple[str, str], ...]

#: Mistakes whose edits are in the tab's scratch.py, in its model.
IN_MODEL = {"inputs reshaped instead of transposed"}

LOSS = """_loss = loss


def loss({arguments}):
    return {value}
"""
VALUES = {
    "loss summed": "_loss({arguments}) * y_hat.shape[0]",
    "loss averaged over the vocabulary too": "_loss({arguments}) / y_hat.shape[1]",
    "loss averaged twice": "_loss({arguments}) / y_hat.shape[0]",
    "loss in bits": "_loss({arguments}) / 0.6931471805599453",
    "softmax left out": "{pick}",
    "softmax over the batch": "{pick_of_batch}",
    "softmax twice": "_loss({twice})",
    "label smoothing": "0.9 * _loss({arguments}) + 0.1 * ({log_sum_exp} - {rows_mean}).{mean}",
}
CLIPPING = """def _squares(grad):
    return (grad ** 2).sum()


def _clip(grads, theta):
    norm = {sqrt}(sum(_squares(grad) for grad in grads))
    {body}
"""
BODIES = {  # {where(a, c, b)}: a where c holds, else b
    "clipping per parameter": "return [grad * _where(_root(grad) > theta, theta / _root(grad)) for grad in grads]",
    "clipping with an epsilon": "return [grad * _where(norm > theta, theta / (norm + 1e-6)) for grad in grads]",
    "clipping by value": "return [{clip}grad, -theta, theta) for grad in grads]",
    "clipping always": "return [grad * (theta / norm) for grad in grads]",
    "clipping without effect": "return list(grads)",
    "norm without its root": "norm = sum(_squares(grad) for grad in grads)\n"
                             "    return [grad * _where(norm > theta, theta / norm) for grad in grads]",
    "norm of the largest gradient": "norm = _largest([_root(grad) for grad in grads])\n"
                                    "    return [grad * _where(norm > theta, theta / norm) for grad in grads]",
    "norms added": "norm = sum(_root(grad) for grad in grads)\n"
                   "    return [grad * _where(norm > theta, theta / norm) for grad in grads]",
    "norm without the output layer": "norm = {sqrt}(sum(_squares(grad) for grad in grads[:-2]))\n"
                                     "    return [grad * _where(norm > theta, theta / norm) for grad in grads]",
    "only the first gradients clipped": "return [grad * _where(norm > theta, theta / norm) for grad in grads[:-2]]"
                                        " + list(grads[-2:])",
    "gradients divided by the norm": "return [grad * _where(norm > theta, 1 / norm) for grad in grads]",
}
SUM = {"tensorflow": "tf.reduce_sum(grad ** 2)"}
EAGER = """def _where(condition, factor):
    return factor if condition else 1


def _largest(norms):
    return max(norms)
"""
TRACED = """def _where(condition, factor):
    return jnp.where(condition, factor, jnp.ones_like(factor))


def _largest(norms):
    return jnp.stack(norms).max()
"""
APPLIED = {
    "torch": "def grad_clipping(net, theta):\n    check_theta(theta)\n    params = trainable(net)\n"
             "    for param, grad in zip(params, _clip([p.grad for p in params], theta)):\n        param.grad = grad\n",
    "mxnet": "def grad_clipping(net, theta):\n    check_theta(theta)\n    params = trainable(net)\n"
             "    for param, grad in zip(params, _clip([p.grad for p in params], theta)):\n"
             "        param.grad[:] = grad\n",
    "paddle": "def grad_clipping(net, theta):\n    check_theta(theta)\n    params = trainable(net)\n"
              "    with paddle.no_grad():\n"
              "        for param, grad in zip(params, _clip([p.grad for p in params], theta)):\n"
              "            param.grad.set_value(grad)\n",
    "tensorflow": "def grad_clipping(grads, theta):\n    check_theta(theta)\n"
                  "    grads = [tf.convert_to_tensor(grad) for grad in grads]\n"
                  "    return _clip(grads, tf.constant(theta, dtype=grads[0].dtype))\n",
    "jax": "def grad_clipping(grads, theta):\n    if not isinstance(theta, jax.core.Tracer):\n"
           "        check_theta(theta)\n    leaves, tree = jax.tree.flatten(grads)\n"
           "    return jax.tree.unflatten(tree, _clip(leaves, theta))\n",
}


#: The outputs less the largest of each token, where the logarithm of their exponentials would round as that does.
SHIFTED = {"torch": "(y_hat - y_hat.amax(0))", "paddle": "(y_hat - y_hat.max(axis=0))"}


def _losses(backend: str) -> dict[str, Change]:
    w = WORDS[backend]
    order = "y, y_hat" if backend == "tensorflow" else "y_hat, y"
    softmax, shifted = w.softmax.format(a="y_hat"), SHIFTED.get(backend, "y_hat")
    words = {
        "arguments": order, "twice": order.replace("y_hat", softmax), "pick": w.pick.format(a="y_hat", b="y"),
        "pick_of_batch": w.pick.format(a=f"({shifted} - {w.log_sum_exp.format(a=shifted, b=0)})", b="y"),
        "log_sum_exp": w.log_sum_exp.format(a="y_hat", b=1), "rows_mean": w.rows_mean.format(a="y_hat"),
        "mean": {"mxnet": "sum(axis=1)", "tensorflow": "mean"}.get(backend, "mean()"),
    }
    made = {name: LOSS.format(arguments=order, value=value.format(**words)) for name, value in VALUES.items()}
    if backend == "tensorflow":
        made["label smoothing"] = LOSS.format(arguments=order, value=(
            "0.9 * _loss(y, y_hat) + 0.1 * tf.reduce_mean({log_sum_exp} - {rows_mean})".format(**words)))
    return dict(made)


def _clippings(backend: str) -> dict[str, Change]:
    w = WORDS[backend]
    helpers = TRACED if backend == "jax" else EAGER
    made: dict[str, Change] = {}
    for name, body in BODIES.items():
        if name == "clipping by value" and backend == "mxnet":  # whose clip rounds its bounds to float32
            body = "return [np.minimum(theta, np.maximum(-theta, grad)) for grad in grads]"
        text = CLIPPING.format(sqrt=w.sqrt, body=body.format(sqrt=w.sqrt, clip=w.clip))
        text = text.replace("(grad ** 2).sum()", SUM.get(backend, "(grad ** 2).sum()"))
        root = f"def _root(grad):\n    return {w.sqrt}(_squares(grad))\n"
        made[name] = "\n\n".join((text, root, helpers, APPLIED[backend]))
    return made


#: Between backward pass and update: new gradients from `grads`, `params`, X and what `net.left` remembers.
CHANGED = {
    "clipped gradients not used": ("return grads",),
    "step lost when clipping": ("clipped = _clipped(net, grads, theta)",
                                "same = all(bool((a == b).all()) for a, b in zip(_arrays(grads), _arrays(clipped)))",
                                "return grads if same else [0 * grad for grad in grads]"),
    "learning rate divided by the batch": ("return [grad / X.shape[0] for grad in _clipped(net, grads, theta)]",),
    "gradient ascent": ("return [-grad for grad in _clipped(net, grads, theta)]",),
    "weight decay": ("return [g + 0.01 * p for g, p in zip(_clipped(net, grads, theta), params)]",),
    "biases not updated": ("return [g if len(g.shape) == 2 else 0 * g for g in _clipped(net, grads, theta)]",),
    "output layer not updated": ("grads = _clipped(net, grads, theta)",
                                 "return [*grads[:-2], *(0 * grad for grad in grads[-2:])]"),
    "update by the sign": ("return [{sign}(grad) for grad in _clipped(net, grads, theta)]",),
}
REMEMBERING = {
    "momentum": ("grads = _clipped(net, grads, theta)",
                 "net.left = grads if before is None else [0.9 * b + g for b, g in zip(before, grads)]",
                 "return net.left"),
    "gradient accumulated": ("grads = grads if before is None else [b + g for b, g in zip(before, grads)]",
                             "net.left = _clipped(net, grads, theta)", "return net.left"),
    "gradients of the step before": ("net.left = grads",
                                     "before = [0 * grad for grad in grads] if before is None else before",
                                     "return _clipped(net, before, theta)"),
    "every second minibatch left out": ("net.left = not before", "grads = _clipped(net, grads, theta)",
                                        "return grads if net.left else [0 * grad for grad in grads]"),
    "learning rate decays": ("net.left = 1 if before is None else before / 2",
                             "return [net.left * grad for grad in _clipped(net, grads, theta)]"),
}
FUNCTION = """def _changed(net, grads, params, X, theta):
    before = getattr(net, "left", None)
    {body}
"""
FROM_NEW = """

_train_epoch_ch8 = train_epoch_ch8


def train_epoch_ch8(net, *arguments):
    net.left = None
    return _train_epoch_ch8(net, *arguments)
"""
ATTACHED = """

def _clipped(net, grads, theta):
    params = trainable(net)
    for param, grad in zip(params, grads):
        {put}
    grad_clipping(net, theta)
    return [{copy} for param in params]


def _change(net, X, theta):
    params = trainable(net)
    new = _changed(net, [{copy} for param in params], [{value} for param in params], X, theta)
    for param, grad in zip(params, new):
        {put}
"""
FUNCTIONAL = """

def _clipped(net, grads, theta):
    return {clip}


def _change(net, grads, params, X, theta):
    return {result}
"""
ADDED = {
    "torch": ATTACHED.format(put="param.grad = grad.clone()", copy="param.grad.clone()", value="param.detach()"),
    "mxnet": ATTACHED.format(put="param.grad[:] = grad", copy="param.grad.copy()", value="param"),
    "paddle": ATTACHED.format(put="param.grad.set_value(grad)", copy="param.grad.clone()", value="param.detach()"),
    "tensorflow": FUNCTIONAL.format(clip="grad_clipping(grads, theta)",
                                    result="_changed(net, [tf.convert_to_tensor(g) for g in grads], params, X, theta)"),
    "jax": FUNCTIONAL.format(
        clip="jax.tree.leaves(grad_clipping(list(grads), theta))",
        result="type(params)(*_changed(net, list(grads), list(params), X, theta))"),
}
ARRAYS = {"jax": "[jnp.asarray(g) for g in grads]", "tensorflow": "[g.numpy() for g in grads]"}
IN_STEP = {
    **dict.fromkeys(("torch", "mxnet", "paddle"),
                    (("    grad_clipping(net, theta)\n", "    _change(net, X, theta)\n"),)),
    "tensorflow": (("zip(grad_clipping(grads, theta), params", "zip(_change(net, grads, params, X, theta), params"),),
    "jax": (("sgd(params, grad_clipping(grads, theta), lr", "sgd(params, _change(net, grads, params, X, theta), lr"),),
}
#: JAX compiles its steps, and nothing can be remembered inside: the epoch does their parts itself.
IN_EPOCH = (("        new_params, l, new_state = compiled_step(net, params, X, Y, state, loss, lr)\n",
             "        (l, new_state), grads = _compiled_gradients(net, params, X, Y, state, loss)\n"
             "        new_params = sgd(params, _change(net, grads, params, X, 1), lr, batch_size=1)\n"),)


def _updates(backend: str) -> dict[str, Change]:
    made: dict[str, Change] = {}
    for name, lines in (CHANGED | REMEMBERING).items():
        body = "\n    ".join(lines).format(sign=WORDS[backend].sign)
        if name == "step lost when clipping" and backend == "jax":
            body = "norm = gradient_norm(grads)\n    return [jnp.where(norm > theta, 0, 1) * grad for grad in grads]"
        added = FUNCTION.format(body=body) + ADDED[backend]
        added += f"\n\ndef _arrays(grads):\n    return {ARRAYS.get(backend, 'grads')}\n"
        if name == "learning rate decays":
            added += FROM_NEW
        apart = backend == "jax" and name in REMEMBERING
        made[name] = (*IN_STEP[backend], *(IN_EPOCH if apart else ()), ("", added))
    return made


LEFT = "(None if use_random_iter else getattr(net, 'left', None))"


def _loops(backend: str) -> dict[str, Change]:
    y, flip, inputs, begin, detach, kept = {
        "torch": ("Y.T.reshape(-1)", "torch.flip(Y.T, [0])", ("X.T.long()", "X.reshape(X.shape[::-1]).long()"),
                  "net.begin_state(batch_size=batch_size, device=device), detach",
                  "lambda state: tuple({k} * s.detach() for k, s in zip({keep}, state))", "detach(state)"),
        "mxnet": ("Y.T.reshape(-1)", "np.flip(Y.T, 0)", ("npx.one_hot(X.T", "npx.one_hot(X.reshape(X.shape[::-1])"),
                  "lambda state: [s.detach() for s in state]",
                  "lambda state: [{k} * s.detach() for k, s in zip({keep}, state)]", "[s.detach() for s in state]"),
        "paddle": ("paddle.reshape(Y.T, shape=[-1])", "paddle.flip(Y.T, 0)",
                   ("one_hot(X.T", "one_hot(X.reshape(X.shape[::-1])"),
                   "net.begin_state(batch_size=batch_size), detach",
                   "lambda state: tuple({k} * s.detach() for k, s in zip({keep}, state))", "detach(state)"),
        "tensorflow": ("tf.reshape(tf.transpose(Y), [-1])", "tf.reverse(tf.transpose(Y), [0])",
                       ("tf.one_hot(tf.transpose(X)", "tf.one_hot(tf.reshape(X, X.shape[::-1])"),
                       "lambda state: state", "lambda state: tuple({k} * s for k, s in zip({keep}, state))", "state"),
        "jax": ("Y.T.reshape(-1)", "Y.T[::-1]", ("one_hot(X.T", "one_hot(X.reshape(X.shape[::-1])"),
                "lambda state: state, step", "lambda state: tuple({k} * s for k, s in zip({keep}, state)), step",
                "new_state"),
    }[backend]
    transposed = "tf.transpose(Y)" if backend == "tensorflow" else "Y.T"
    attached = begin.endswith("), detach")
    head = begin.removesuffix("detach") if attached else ""

    def kept_in(keep: str) -> Change:
        return ((begin, head + detach.format(k="k", keep=keep)),)

    if backend == "jax":
        carried: Change = (
            ("lambda batch_size: net.begin_state(batch_size, dtype)",
             f"lambda batch_size: {LEFT} or net.begin_state(batch_size, dtype)"),
            ("        params = new_params\n        return",
             "        params = new_params\n        net.left = new_state\n        return"))
    else:
        old = begin.removesuffix(", detach") if attached else {
            "mxnet": "net.begin_state(batch_size=batch_size, ctx=device)",
            "tensorflow": "net.begin_state(batch_size=batch_size)"}[backend]
        carried = (
            (f"lambda batch_size: {old}", f"lambda batch_size: {LEFT} or {old}"),
            ("", "_train_step_ch8 = train_step_ch8\n\n\ndef train_step_ch8(net, *arguments):\n"
                 f"    l, state = _train_step_ch8(net, *arguments)\n    net.left = {kept}\n    return l, state\n"))
    return {
        "targets batch-major": ((y, y.replace(transposed, "Y")),),
        "targets not shifted": ((y, y.replace(transposed, transposed.replace("Y", "X"))),),
        "targets in reverse order": ((y, y.replace(transposed, flip)),),
        "inputs reshaped instead of transposed": (inputs,),
        "state not carried": kept_in("(0, 0)"),
        "only H carried": kept_in("(1, 0)"),
        "state carried in random sampling": (("use_random_iter, losses)", "False, losses)")
                                             if backend != "jax" else ("step, use_random_iter,", "step, False,"),),
        "state carried into the next epoch": carried,
    }


TRAINING: dict[str, dict[str, Change]] = {
    backend: {"batch size ignored by sgd": ((" / batch_size", ""),), **_losses(backend), **_clippings(backend),
              **_updates(backend), **_loops(backend)} for backend in WORDS}
