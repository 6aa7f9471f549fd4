"""How each mistake in training on several workers is made in a framework's engine: edits of backends/*/parallel.py."""

SHARED = "all engines share lstm_ref.parallel"
ONE = "the workers are one process, which has the weights once"
APART = "the workers are processes, which never see each other's states"

#: By backend, mistakes that its engine can't contain, and why not.
IMPOSSIBLE = {
    backend: {"last minibatch left out": SHARED, "an order of its own in each worker": SHARED, **more}
    for backend, more in {
        "torch": {"states mixed between workers": APART},
        "paddle": {"states mixed between workers": APART},
        "jax": {"weights of its own in each worker": ONE},
        "tensorflow": {"weights of its own in each worker": ONE,
                       "gradients not reduced": "a strategy's variables take one update"},
        "mxnet": {},
    }.items()}

#: By backend, those that are caught, and that the diagnosis need not name: why.
NOT_NAMED = {"jax": {"states mixed between workers": "its shards are filled up to one shape, so that another state is "
                                                     "mixed up than in the reference"}}

BACKWARD = """            loss.backward()
            for param in params:
                self.all_reduce(param.grad)
"""
ROWS = "        rows = self.rows(len(X))\n"
SHARD = "return shards(batch_size, self.size)[self.ranks[0]]"
FEW = "slice({rank} * ({n} // self.size), ({rank} + 1) * ({n} // self.size))"
#: In `backends.workers.AttachedWorker`, of the engines with a process for each worker.
ATTACHED = {
    "clipping before the reduction": ((
        BACKWARD, BACKWARD.replace("            for", "            for param in params:\n"
                                   "                param.grad.copy_(param.grad / share)\n"
                                   "            training.grad_clipping(net, theta)\n"
                                   "            for param in params:\n"
                                   "                param.grad.copy_(param.grad * share)\n            for")),),
    "sum over the workers": ((BACKWARD, BACKWARD.replace("loss.backward()", "(loss / share).backward()")),),
    "workers weighted alike": (("share = (rows.stop - rows.start) / len(X)", "share = 1 / self.size"),),
    "the same rows for every worker": ((ROWS, ROWS + "        rows = slice(0, rows.stop - rows.start)\n"),),
    "gradients not reduced": ((BACKWARD, BACKWARD.replace(
        "self.all_reduce(param.grad)", "param.grad.copy_(param.grad / share)")),),
    "only the first worker updated": (("            self.updater(batch_size=1)",
                                       "            self.ranks[0] == 0 and self.updater(batch_size=1)"),),
    "loss of one worker": (("loss = self.all_reduce(loss.detach())", "loss = loss.detach() / share"),),
    "learning rate times the workers": (("updater(net, lr)", "updater(net, lr * size)"),),
    "odd rows left out": ((SHARD, f"return {FEW.format(rank='self.ranks[0]', n='batch_size')}"),
                          ("/ len(X)  #", "/ (len(X) // self.size * self.size)  #")),
}
#: And in the backend's own file.
OWN = {"weights of its own in each worker": (("dist.broadcast(param, 0)", "pass"),)}
PADDLE = {name: tuple((right, wrong.replace("param.grad.copy_(", "param.grad.set_value(")) for right, wrong in edits)
          for name, edits in ATTACHED.items()} | OWN


JAX = {
    "clipping before the reduction": (
        ("    l, grads = jax.lax.psum((l, grads), \"workers\")\n",
         "    share = counts.sum() / jax.lax.psum(counts.sum(), \"workers\")\n"
         "    grads = training.grad_clipping(jax.tree.map(lambda grad: grad / share, grads), theta)\n"
         "    l, grads = jax.lax.psum((l, jax.tree.map(lambda grad: grad * share, grads)), \"workers\")\n"),),
    "sum over the workers": (
        ("    l, grads = jax.lax.psum((l, grads), \"workers\")\n",
         "    share = counts.sum() / jax.lax.psum(counts.sum(), \"workers\")\n"
         "    l, grads = jax.lax.psum((l, jax.tree.map(lambda grad: grad / share, grads)), \"workers\")\n"),),
    "workers weighted alike": (("jax.lax.psum(counts.sum(), \"workers\")",
                                "counts.sum() * jax.lax.psum(1, \"workers\")"),),
    "the same rows for every worker": (("[*range(batch_size)[each],", "[*range(each.stop - each.start),"),),
    "gradients not reduced": (
        ("    l, grads = jax.lax.psum((l, grads), \"workers\")\n",
         "    share = counts.sum() / jax.lax.psum(counts.sum(), \"workers\")\n"
         "    l, grads = jax.lax.psum(l, \"workers\"), jax.tree.map(lambda grad: grad / share, grads)\n"),),
    "only the first worker updated": (
        ("    return new_params, l,",
         "    new_params = jax.tree.map(lambda new, old: jnp.where(jax.lax.axis_index(\"workers\") == 0, new, old), "
         "new_params, params)\n    return new_params, l,"),),
    "states mixed between workers": (
        ("    return new_params, l,",
         "    size = jax.lax.psum(1, \"workers\")\n"
         "    new_state = jax.tree.map(lambda part: jax.lax.ppermute(part, \"workers\", "
         "[(k, size - 1 - k) for k in range(size)]), new_state)\n    return new_params, l,"),),
    "loss of one worker": (
        ("    l, grads = jax.lax.psum((l, grads), \"workers\")\n",
         "    share = counts.sum() / jax.lax.psum(counts.sum(), \"workers\")\n"
         "    l, grads = jax.lax.all_gather(l / share, \"workers\")[0], jax.lax.psum(grads, \"workers\")\n"),),
    "learning rate times the workers": (("theta), lr, 1)", "theta), lr * jax.lax.psum(1, \"workers\"), 1)"),),
    "odd rows left out": (
        ("        cut = shards(batch_size, self.size)\n",
         "        few = batch_size // self.size\n"
         "        cut = [slice(k * few, k * few + few) for k in range(self.size)]\n"),),
}
CUT = "        rows = shards(len(X), self.size)\n"
LOSS_TF = "                l *= tf.cast(tf.size(y) / tokens, l.dtype)  # its share of the mean over all tokens\n"
GRADS_TF = "return l, tape.gradient(l, params), new"
EVEN = f"[{FEW.format(rank='k', n='{n}')} for k in range(self.size)]"
TENSORFLOW = {
    "clipping before the reduction": ((
        GRADS_TF, "share = tf.cast(tf.size(y) / tokens, l.dtype)\n            own = training.grad_clipping("
                  "[grad / share for grad in tape.gradient(l, params)], theta)\n"
                  "            return l, [grad * share for grad in own], new"),),
    "sum over the workers": ((GRADS_TF, "share = tf.cast(tf.size(y) / tokens, l.dtype)\n            return l, "
                                        "[grad / share for grad in tape.gradient(l, params)], new"),),
    "workers weighted alike": (("tf.size(y) / tokens", "1 / self.size"),),
    "the same rows for every worker": ((CUT, CUT + "        rows = [slice(0, r.stop - r.start) for r in rows]\n"),),
    "only the first worker updated": (("param.assign_sub(self.lr * grad)",
                                       "values(param)[0].assign_sub(self.lr * grad)"),),
    "states mixed between workers": (("        return l, state\n", "        return l, [self.spread("
        "self.strategy.experimental_local_results(part)[::-1]) for part in state]\n"),),
    "loss of one worker": (("self.sum(l),", "self.strategy.experimental_local_results(l)[0] * "
                                            "(len(X) / (rows[0].stop - rows[0].start)),"),),
    "learning rate times the workers": (("self.lr * grad", "self.lr * self.size * grad"),),
    "odd rows left out": (
        ("shards(batch_size, self.size)", EVEN.format(n="batch_size")),
        (CUT, f"        rows = {EVEN.format(n='len(X)')}\n"),
        ("        params = net.trainable_variables\n", "        params = net.trainable_variables\n"
         "        tokens = len(X) // self.size * self.size * X.shape[1]\n")),
}
LOSS_MX = "                l = training.loss(y_hat, y).sum() / Y.size  # its share of the mean over all tokens\n"
REDUCED_MX = "        self.reduce_gradients()\n"
#: Of a model from scratch; a block's gradients are left alone.
OWN_MX = """        from_scratch = [] if isinstance(self.net, gluon.Block) else self.nets
        for net, rows in zip(from_scratch, shards(len(X), self.size)):
            for param in net.params:
                param.grad[:] *= len(X) / (rows.stop - rows.start)
"""
MXNET = {
    "clipping before the reduction": ((
        REDUCED_MX, OWN_MX + "            training.grad_clipping(net, theta)\n"
                    "            for param in net.params:\n"
                    "                param.grad[:] *= (rows.stop - rows.start) / len(X)\n" + REDUCED_MX),),
    "sum over the workers": ((REDUCED_MX, OWN_MX + REDUCED_MX),),
    "workers weighted alike": ((".sum() / Y.size", ".mean() / self.size"),),
    "the same rows for every worker": (("            x, y = X[rows]",
                                        "            rows = slice(0, rows.stop - rows.start)\n"
                                        "            x, y = X[rows]"),),
    "weights of its own in each worker": (("param.copyto(device)", "(-param).copyto(device)"),),
    "gradients not reduced": ((REDUCED_MX, OWN_MX + "        from_scratch or self.reduce_gradients()\n"),),
    "only the first worker updated": (("for updater in self.updaters:", "for updater in self.updaters[:1]:"),),
    "states mixed between workers": (("        return l, states\n",
                                      "        return l, [[part.as_in_ctx(device) for part in each] for each, device "
                                      "in zip(states[::-1], self.devices)]\n"),),
    "loss of one worker": (("l = self.all_reduce(LOSS, losses)[0]",
                            "l = losses[0] * (len(X) / shards(len(X), self.size)[0].stop)"),),
    "learning rate times the workers": (("implementation.updater(each, lr)",
                                         "implementation.updater(each, lr * size)"),),
    "odd rows left out": (("shards(batch_size, self.size)", EVEN.format(n="batch_size")),
                          ("/ Y.size", "/ (len(X) // self.size * self.size * X.shape[1])")),
}
ENGINES = {"torch": ATTACHED | OWN, "paddle": PADDLE, "jax": JAX, "tensorflow": TENSORFLOW,
           "mxnet": MXNET}
