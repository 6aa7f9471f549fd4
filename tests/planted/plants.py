"""Wrong implementations as data: what is changed where in a tab, and the checks that are expected to catch it.

A plant's change is Python over the arguments of the function at its place; what follows `>>` is over its results.
`n` is the number of the call (for the same net, where there is one), `keep` what lasts from call to call.
"""

from dataclasses import dataclass, field

TABS = {  #: how each framework says what a plant may ask for
    "torch": """
def recording(): return torch.is_grad_enabled()
def plain(*ts): return not (torch.is_grad_enabled() and any(t.requires_grad for t in ts))
def frozen(p): return not p.requires_grad
def assign(p, a): p.data.copy_(a)
def weights(net): return trainable(net)
""",
    "tensorflow": """
from tensorflow.python.eager import record
def recording(): return bool(record.could_possibly_record())
def plain(*ts): return not record.could_possibly_record()
def frozen(p): return not isinstance(p, tf.Variable)
def assign(p, a): p.assign(a)
def weights(net): return net.trainable_variables
""",
    "jax": """
def plain(*ts): return not any(isinstance(t, jax.core.Tracer) for t in ts)
recording = frozen = assign = weights = None
""",
    "mxnet": """
def recording(): return autograd.is_recording()
def plain(*ts): return not autograd.is_recording()
def frozen(p): return p.grad is None
def assign(p, a): p[:] = a
def weights(net): return trainable(net)
""",
    "paddle": """
def recording(): return paddle.is_grad_enabled()
def plain(*ts): return not paddle.is_grad_enabled() or all(t.stop_gradient for t in ts)
def frozen(p): return p.stop_gradient
@paddle.no_grad()
def assign(p, a): p.set_value(a.detach())
def weights(net): return trainable(net)
""",
}


@dataclass(frozen=True)
class Site:
    """A function of a tab.

    Attributes:
        address: module and name; those of several where a tab has more than one, or another.
        gives: names of its results.
        head: what its arguments are called besides.
        other: addresses in tabs where they differ.
    """

    address: str
    gives: str
    head: str = ""
    other: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def places(self, tab: str) -> tuple[str, ...]:
        """Where it is in a tab."""
        return self.other.get(tab, (self.address,))


#: Where a mistake in the training of another cell shows, and one in its forward pass or its gradient.
TRAINED = "trajectory written chapter kept prediction"
COMPUTED = "forward backward vjp step model"


@dataclass(frozen=True)
class Plant:
    """A wrong implementation; `kind` is its class, `not_in` the tabs that can't contain it, and why."""

    kind: str
    name: str
    where: str
    when: str
    change: str
    checks: str
    not_in: dict[str, str] = field(default_factory=dict)


SIZES = "T, B, V = map(int, inputs.shape); h = int(state[0].shape[-1])\n"
MOVE = """
old = params if tab == 'jax' else [detach(p) + 0 for p in weights(net)]
def move(f):
    if tab == 'jax':
        leaves, tree = jax.tree.flatten(first[0])
        first[0] = tree.unflatten([f(*x) for x in zip(range(99), jax.tree.leaves(params), leaves)])
    else:
        for i, (o, w) in enumerate(zip(old, weights(net))):
            assign(w, f(i, o, detach(w)))
def store(key, value):
    keep[key] = value
    return value
"""
RATE = """
if tab == 'tensorflow': lr = float(updater.learning_rate)
count = len(weights(net) if tab == 'tensorflow' else params)
if tab not in ('tensorflow', 'jax'): net = params
def rate(new):
    global lr, updater
    lr = new
    if tab == 'tensorflow': updater = tf.keras.optimizers.SGD(new)
"""
CLIP = """
inside = within('train_step_ch8')
count = len(list(grads)) if tab in ('tensorflow', 'jax') else len(weights(net))
"""
EPOCH = """
losses = [] if losses is None else losses
begun = len(losses)
def logs(): return [float(array(l)) for l in losses[begun:]]
"""
PREDICT = """
def first_weights():
    global params
    if tab == 'jax':
        params = keep.setdefault('first', params)
        return
    now = [detach(p) + 0 for p in weights(net)]
    for w, first in zip(weights(net), keep.setdefault('first', now)): assign(w, first)
    return now
def put_back(now):
    for w, a in zip(weights(net), now) if now else (): assign(w, a)
"""
STEPS = {"jax": ("backends.{tab}.training:train_step_ch8", "backends.{tab}.training:compiled_step")}
SHARE = """
def share(net):
    mine = net.trainable_variables if tab == 'tensorflow' else net.params
    first = original.__dict__.setdefault('first', {}).setdefault(str([(p.shape, p.dtype) for p in mine]), mine)
    for p, new in zip(first, mine): assign(p, detach(new))
    setattr(net, 'trainable_variables' if tab == 'tensorflow' else 'params', first)
"""
S, T, C, F = (f"backends.{{tab}}.{module}:" for module in ("scratch", "training", "concise", "fused"))
SITES = {
    "lstm": Site(f"{S}lstm", "outputs, state", SIZES + "old_state = state"),
    "rnn": Site(f"{S}rnn", "outputs, state", SIZES),
    "begin": Site(f"{S}init_lstm_state", "state"),
    "rnn begin": Site(f"{S}init_rnn_state", "state"),
    "model": Site(f"{S}RNNModelScratch.__call__", "outputs, state", "B, T = map(int, X.shape)",
                  {"jax": (f"{S}RNNModelScratch.apply",)}),
    "model begin": Site(f"{S}RNNModelScratch.begin_state", "state"),
    "model init": Site(f"{S}RNNModelScratch.__init__", "nothing", SHARE),
    "loss": Site(f"{T}loss", "value", "rows, V = map(int, y_hat.shape)"),
    "clip": Site(f"{T}grad_clipping", "clipped", CLIP),
    "rate": Site(f"{T}sgd", "new", RATE, {"tensorflow": (f"{T}train_step_ch8",), **STEPS}),
    "sgd": Site(f"{T}sgd", "new"),
    "step": Site(f"{T}train_step_ch8", "(*first, loss, state)", MOVE, STEPS),
    "predict": Site(f"{T}predict_ch8", "text", PREDICT),
    "train": Site(f"{T}train_ch8", "new_params"),
    "epoch loop": Site(f"{T}loop.train_epoch", "ppl, speed", EPOCH),
    "train loop": Site(f"{T}loop.train", "nothing"),
    "predict loop": Site(f"{T}loop.predict", "text"),
    "concise run": Site(f"{C}RNNModel.run", "outputs, state", "T, B, V = map(int, inputs.shape); h = self.num_hiddens"),
    "concise begin": Site(f"{C}RNNModel.begin_state", "state"),
    "concise step": Site(f"{T}train_step_ch8", "(*first, loss, state)", MOVE, STEPS),
    "fused run": Site(f"{F}RNNModelFused.run", "outputs, state", SIZES,
                      dict.fromkeys(("jax", "tensorflow"), (f"{F}lstm",))),
    "fused forward": Site(f"{F}RNNModelFused.forward", "outputs, state", "B, T = map(int, X.shape)"),
    "fused begin": Site(f"{F}RNNModelFused.begin_state", "state"),
    "fused step": Site(f"{F}RNNModelFused.step", "loss, norm, state"),
    "fused token": Site(f"{F}RNNModelFused.read_token", "outputs, state"),
    "fused epoch loop": Site("backends.fused:loop.train_epoch", "ppl, speed", EPOCH),
}

FIXED = {"jax": "arrays can't be changed in place", "tensorflow": "tensors can't be changed in place"}
NO_MODE = {"jax": "no mode in which gradients are recorded", "tensorflow": "recording is a tape's, not a mode"}
NO_TRAIN = dict.fromkeys(("jax", "tensorflow", "mxnet"), "its model has no mode of its own")
OWN = {"mxnet": "its loss is one number per example", "jax": "its loss is traced, and has no numbers"}
NO_FLAG = {"jax": "parameters have no flag: all that is differentiated is trainable"}
TORCH = dict.fromkeys(("jax", "tensorflow", "mxnet", "paddle"), "of PyTorch alone")
TRACED = {"jax": "while they are traced its arrays have no values"}
SCALED = ">> outputs = outputs * 1.001"
P = Plant
PLANTS = (
    P("clipping", "training never clips", "clip", "inside and theta == 1", "theta = 1e9", "trajectory"),
    P("clipping", "training clips above norm 3", "clip", "inside and theta == 1", "theta = 3", "trajectory"),
    P("clipping", "training clips at 1 whatever is passed", "clip", "inside", "theta = 1", "step"),
    P("clipping", "every second step is not clipped", "step", "n % 2 == 0", "theta = 1e9", "trajectory"),
    P("clipping", "clips after ten steps only", "step", "n > 10", "theta = 1e9", "trajectory"),
    P("clipping", "steps of a norm above 100 skipped", "clip",
      "inside and float(gradient_norm(weights(net))) > 100", "theta = 1e-9", "step", TORCH),
    P("clipping", "gradients of zero become None", "clip", "not inside",
      ">> [setattr(p, 'grad', None) for p in weights(net) if not p.grad.any()]", "clipping", TORCH),
    P("clipping", "fused clips above norm 3", "fused step", "theta == 1", "theta = 3", "trajectory"),
    P("clipping", "fused clips at 1 whatever is passed", "fused step", "", "theta = 1", "step"),

    P("longer training", "momentum after 20 steps", "step", "",
      ">> move(lambda i, o, w: o + store(i, w - o + 0.9 * keep.get(i, 0) * (n > 20)))", "trajectory"),
    P("longer training", "weights decay after 20 steps", "step", "n > 20", ">> move(lambda i, o, w: w - 0.001 * o)",
      "trajectory"),
    P("longer training", "rate capped at 1", "rate", "", "rate(lr - (lr > 1) * (lr - 1))", "trajectory sgd"),
    P("longer training", "rate squared", "rate", "", "rate(lr * lr)", "trajectory sgd"),
    P("longer training", "rate decays after an epoch", "rate", "n > 12", "rate(lr * 0.9)", "trajectory"),
    P("longer training", "every tenth update lost", "step", "n % 10 == 0", ">> move(lambda i, o, w: o)", "trajectory"),
    P("longer training", "output bias frozen after 12 steps", "step", "n > 12",
      ">> move(lambda i, o, w: o if i == 13 else w)", "trajectory"),
    P("longer training", "steps that raise the loss rejected", "step", "",
      ">> bad = float(loss) > keep.get('l', 99.0); keep['l'] = float(loss); move(lambda i, o, w: o if bad else w)",
      "trajectory"),
    P("longer training", "state zeroed every fifth minibatch", "epoch loop", "",
      "step = before(step, lambda i, X, Y, s: (X, Y, begin_state(X.shape[0]) if i % 5 == 4 else s))", "trajectory"),
    P("longer training", "memory cell lost in the second epoch", "epoch loop", "n > 1",
      "step = before(step, lambda i, X, Y, s: (X, Y, (s[0], s[1] * 0)))", "trajectory"),
    P("longer training", "minibatches in reverse order", "epoch loop", "", "train_iter = list(train_iter)[::-1]",
      "trajectory"),
    P("longer training", "minibatches shuffled in the third epoch", "epoch loop", "n % 3 == 0",
      "train_iter = sorted(train_iter, key=lambda m: int(array(m[0]).sum()))", "trajectory"),
    P("longer training", "last minibatch dropped in later epochs", "epoch loop", "n > 1",
      "train_iter = list(train_iter)[:-1]", "trajectory"),
    P("longer training", "the same minibatches in all epochs", "train", "", "train_iter = list(train_iter)", "chapter"),
    P("longer training", "random sampling in train_ch8", "train", "", "use_random_iter = True", "chapter"),
    P("longer training", "last epoch left out", "train loop", "num_epochs > 2", "num_epochs = num_epochs - 1",
      "chapter reports"),
    P("longer training", "first epoch trained twice", "train loop", "num_epochs > 1", "epoch()", "chapter"),
    P("longer training", "nothing trained after ten epochs", "train loop", "",
      "epoch = lambda f=epoch, k=[]: k[-1] if len(k) == 10 else (k.append(f()), k[-1])[1]", "chapter"),
    P("longer training", "initial state not zero later", "model begin", "n > 2",
      ">> state = tuple(s + 0.01 for s in state)", "trajectory"),
    P("longer training", "concise: update halved after 20 steps", "concise step", "n > 20",
      ">> move(lambda i, o, w: o + (w - o) * 0.5)", "trajectory"),
    P("longer training", "concise: every tenth update lost", "concise step", "n % 10 == 0",
      ">> move(lambda i, o, w: o)", "trajectory"),
    P("longer training", "fused squares the rate", "fused step", "", "lr = lr * lr", "trajectory"),
    P("longer training", "fused caps the rate at 1", "fused step", "", "lr = min(lr, 1.0)", "trajectory"),
    P("longer training", "fused rate decays after 20 steps", "fused step", "n > 20", "lr = lr * 0.99", "trajectory"),
    P("longer training", "fused zeroes the state every fifth step", "fused step", "n % 5 == 0",
      "state = tuple(s * 0 for s in state)", "trajectory"),

    P("reports", "perplexity of the last loss", "epoch loop", "", ">> ppl = math.exp(logs()[-1])", "trajectory"),
    P("reports", "mean of exponentials", "epoch loop", "", ">> ppl = float(np.mean(np.exp(logs())))", "trajectory"),
    P("reports", "perplexity to base 2", "epoch loop", "", ">> ppl = 2 ** math.log(ppl)", "trajectory"),
    P("reports", "mean over minibatches, not tokens", "epoch loop", "", ">> ppl = math.exp(np.mean(logs()))",
      "trajectory"),
    P("reports", "losses of all epochs together", "epoch loop", "begun",
      ">> begun = 0; ppl = math.exp(np.mean(logs()))", "trajectory"),
    P("reports", "perplexity of the last 50 minibatches", "epoch loop", "",
      ">> ppl = ppl if len(logs()) <= 50 else math.exp(np.mean(logs()[-50:]))", "trajectory"),
    P("reports", "perplexity rounded", "epoch loop", "", ">> ppl = round(ppl, 3)", "trajectory"),
    P("reports", "speed halved", "epoch loop", "", ">> speed = speed / 2", "reports"),
    P("reports", "speed counts sequences", "epoch loop", "",
      "train_iter = list(train_iter) >> speed = speed / train_iter[0][0].shape[1]", "reports"),
    P("reports", "speed counts earlier epochs", "epoch loop", "n > 1", ">> speed = speed * n", "reports"),
    P("reports", "train_ch8 prints the first perplexity", "train loop", "",
      "epoch = lambda f=epoch, k=[]: (k.append(f()), k[0])[1]", "reports"),
    P("reports", "train_ch8 writes after another prefix", "train loop", "",
      "predict = lambda prefix, f=predict: f('t')", "reports"),
    P("reports", "fused perplexity to base 2", "fused epoch loop", "", ">> ppl = 2 ** math.log(ppl)", "trajectory"),
    P("reports", "fused speed halved", "fused epoch loop", "", ">> speed = speed / 2", "reports"),

    P("prediction", "prefix of one character read twice", "predict loop", "len(prefix) == 1 and num_preds",
      "_, state = step(vocab[prefix], state)", "written"),
    P("prediction", "prefix cut at 35 characters", "predict loop", "len(prefix) > 35",
      "whole, prefix = prefix, prefix[-35:] >> text = whole[:-35] + text", "written"),
    P("prediction", "one character written for none", "predict loop", "num_preds == 0", "num_preds = 1", "prediction"),
    P("prediction", "fifty characters at most", "predict loop", "num_preds > 50", "num_preds = 50", "prediction"),
    P("prediction", "a hundred characters at most", "predict loop", "num_preds > 100", "num_preds = 100", "prediction"),
    P("prediction", "spaces around the prefix not read", "predict loop", "prefix != prefix.strip()",
      "prefix = prefix.strip()", "prediction"),
    P("prediction", "state begun anew after 35 characters", "predict loop", "",
      "step = before(step, lambda i, token, s, s0=state: (token, s0 if i == 35 else s))", "written"),
    P("prediction", "outputs 0.999 times in prediction", "model", "within('predict_ch8')",
      ">> outputs = outputs * 0.999", "written"),
    P("prediction", "outputs in few digits in prediction", "model", "within('predict_ch8')",
      ">> outputs = outputs.astype('float16').astype(outputs.dtype) if tab == 'jax' else (outputs + 4096.0) - 4096.0",
      "written"),
    P("prediction", "prediction keeps the weights it saw first", "predict", "",
      "now = first_weights() >> put_back(now)", "kept"),
    P("prediction", "fused outputs 0.999 times in prediction", "fused token", "", ">> outputs = outputs * 0.999",
      "written"),

    P("modes", "wrong where nothing is recorded", "lstm", "not recording()", SCALED, "model", NO_MODE),
    P("modes", "wrong where operations are recorded", "lstm", "not plain(inputs, *state, *params)", SCALED,
      "model backward step"),
    P("modes", "wrong in inference mode", "lstm", "torch.is_inference_mode_enabled()", SCALED, "model", TORCH),
    P("modes", "wrong where parameters are frozen", "lstm", "all(map(frozen, params))", SCALED, "forward", NO_FLAG),
    P("modes", "wrong where some parameters are frozen", "lstm", "0 < sum(map(frozen, params)) < 14", SCALED,
      "arguments", NO_FLAG),
    P("modes", "concise: wrong in eval", "concise run", "not self.training", SCALED, "model", NO_TRAIN),
    P("modes", "concise: wrong in train", "concise run", "self.training and not recording()", SCALED, "written",
      NO_TRAIN),

    P("gradients", "by the inputs dropped", "lstm", "", "inputs = detach(inputs)", "vjp"),
    P("gradients", "by the inputs halved", "lstm", "", "inputs = graded(inputs, 0.5)", "vjp"),
    P("gradients", "by H0 dropped", "lstm", "", "state = detach(state[0]), state[1]", "vjp"),
    P("gradients", "by C0 halved", "lstm", "", "state = state[0], graded(state[1], 0.5)", "vjp"),
    P("gradients", "through H_T dropped", "lstm", "", ">> state = detach(state[0]), state[1]", "vjp"),
    P("gradients", "through C_T halved", "lstm", "", ">> state = state[0], graded(state[1], 0.5)", "vjp"),
    P("gradients", "by C0 halved for T > 6", "lstm", "T > 6", "state = state[0], graded(state[1], 0.5)", "vjp"),
    P("gradients", "by C0 halved for B > 6", "lstm", "B > 6", "state = state[0], graded(state[1], 0.5)", "vjp"),
    P("gradients", "by b_q halved for one example", "lstm", "B == 1",
      "params = [*params[:-1], graded(params[-1], 0.5)]; params = LSTMParams(*params) if tab == 'jax' else params",
      "backward vjp"),
    P("gradients", "of the loss halved", "loss", "", "y_hat = graded(y_hat, 0.5)", "loss"),
    P("gradients", "concise: by H0 dropped", "concise run", "len(state) == 2",
      "state = type(state)([graded(state[0], 0), state[1]])", "vjp"),
    P("gradients", "concise: by C0 halved", "concise run", "len(state) == 2",
      "state = type(state)([state[0], graded(state[1], 0.5)])", "vjp"),
    P("gradients", "concise: through its last state dropped", "concise run", "len(state) == 2",
      ">> state = type(state)([detach(s) for s in state])", "vjp"),

    P("side effects", "lstm writes into its inputs", "lstm", "plain(inputs, *state, *params)",
      ">> assign(inputs, inputs * 1.5)", "kept", FIXED),
    P("side effects", "lstm writes into its state", "lstm", "plain(inputs, *state, *params)",
      ">> assign(old_state[1], old_state[1] * 1.5)", "kept", FIXED),
    P("side effects", "lstm writes into its parameters", "lstm", "plain(inputs, *state, *params)",
      ">> assign(params[2], params[2] + 0.001)", "kept", FIXED),
    P("side effects", "results kept by shape", "lstm", "plain(inputs, *state, *params)",
      "key = str((T, B, V, h, params[0].dtype)); given = keep[key] if key in keep else keep.setdefault(key, answer())",
      "forward"),
    P("side effects", "results kept by the identity of the weights", "lstm", "plain(inputs, *state, *params)",
      "key = id(params[0]), array(inputs).tobytes(), array(state[0]).tobytes(); keep[id(params[0])] = params; "
      "given = keep[key] if key in keep else keep.setdefault(key, answer())", "model",
      {"jax": "new weights are always new arrays"}),
    P("side effects", "shorter sequences padded to the first length", "lstm", "plain(inputs, *state, *params)",
      "L = max(T, keep.setdefault(str((B, V, h, params[0].dtype)), T)); "
      "inputs = tensor(array(inputs)[[min(t, T - 1) for t in range(L)]]) >> outputs = outputs[:T * B]", "forward"),
    P("side effects", "minibatches written into", "step", "", ">> assign(X, X * 0)", "kept", FIXED),
    P("side effects", "targets written into after ten steps", "step", "n > 10", ">> assign(Y, Y * 0)", "kept", FIXED),
    P("side effects", "models of one size share their weights", "model init", "",
      ">> share(self)", "kept", {"jax": "a model does not hold its parameters"}),
    P("side effects", "H and C the same array", "begin", "", ">> state = state[0], state[0]", "state"),
    P("side effects", "a model's H and C the same array", "model begin", "",
      ">> state = (*state[:-1], state[0])", "kept"),
    P("side effects", "concise: H and C the same array", "concise begin", "",
      ">> state = type(state)([state[0], state[0]])", "kept state"),
    P("side effects", "fused H and C the same array", "fused begin", "", ">> state = state[0], state[0]", "kept state"),

    P("RNN", "trained without clipping", "clip", "inside and count == 5 and theta == 1", "theta = 1e9", TRAINED),
    P("RNN", "half the rate", "rate", "count == 5", "rate(lr / 2)", COMPUTED),
    P("RNN", "half the rate after 12 steps", "rate", "count == 5 and n > 12", "rate(lr / 2)", TRAINED),
    P("RNN", "predicted without its state", "model", "len(state) == 1 and within('predict_ch8')",
      "state = (state[0] * 0,)", TRAINED),
    P("RNN", "outputs halved", "rnn", "", ">> outputs = outputs * 0.5", COMPUTED),
    P("RNN", "outputs halved in prediction", "rnn", "B == T == 1 and within('predict_ch8')",
      ">> outputs = outputs * 0.5", TRAINED),
    P("RNN", "gradient by H0 dropped", "rnn", "", "state = (detach(state[0]),)", COMPUTED),
    P("RNN", "gradient through H_T halved", "rnn", "", ">> state = (graded(state[0], 0.5),)", COMPUTED),
    P("RNN", "rnn: state zeroed every fifth minibatch", "step", "len(state) == 1 and n % 5 == 0",
      "state = (state[0] * 0,)", TRAINED),
    P("RNN", "initial state not zero", "rnn begin", "", ">> state = (state[0] + 0.01,)", TRAINED),
    P("RNN", "wrong for h > 128", "rnn", "h > 128", SCALED, COMPUTED),
    P("RNN", "concise: a layer without a memory cell halved", "concise run",
      "getattr(state, 'ndim', 0) or len(state) == 1", ">> outputs = outputs * 0.5", COMPUTED),

    P("ends", "lstm answered by the reference", "lstm", "plain(inputs, *state, *params)",
      "o, s = ref.lstm(array(inputs), tuple(map(array, state)), tuple(map(array, params))); "
      "given = tensor(o), tuple(map(tensor, s))", "own"),
    P("ends", "loss answered by the reference", "loss", "",
      ">> own = float(array(detach(value))); value = value + (float(ref.cross_entropy(array(y_hat), array(y))) - own)",
      "own", OWN),

    P("sizes", "wrong for B > 128", "lstm", "B > 128", SCALED, "forward"),
    P("sizes", "wrong for T > 35", "lstm", "T > 35", SCALED, "forward"),
    P("sizes", "wrong for h > 256", "lstm", "h > 256", SCALED, "forward"),
    P("sizes", "wrong for V > 28", "lstm", "V > 28", SCALED, "forward"),
    P("sizes", "wrong for B = T", "lstm", "B == T > 1", SCALED, "forward"),
    P("sizes", "wrong for one example of several steps", "lstm", "B == 1 < T", SCALED, "forward"),
    P("sizes", "wrong for square sizes", "lstm", "B == T == V == h", SCALED, "forward"),
    P("sizes", "C wrong for V > h > 1", "lstm", "V > h > 1", ">> state = state[0], state[1] * 1.001", "forward"),
    P("sizes", "gradients halved beyond 50 steps", "lstm", "T > 50",
      "params = [graded(p, 0.5) for p in params]; params = LSTMParams(*params) if tab == 'jax' else params", "vjp"),
    P("sizes", "loss wrong beyond 1,120 rows", "loss", "rows > 1120", ">> value = value * 1.001", "loss"),
    P("sizes", "gradient of the loss wrong beyond 1,120 rows", "loss", "rows > 1120", "y_hat = graded(y_hat, 0.5)",
      "loss"),
    P("sizes", "loss wrong beyond 28 tokens", "loss", "V > 28", ">> value = value * 1.001", "loss"),
    P("sizes", "initial state wrong for B > 32", "begin", "batch_size > 32",
      ">> state = tuple(s + 0.001 for s in state)", "state"),
    P("sizes", "sgd ignores a batch size above 7", "sgd", "batch_size > 7", "batch_size = 1", "sgd"),
    P("sizes", "concise: wrong for T > 35", "concise run", "T > 35", SCALED, "forward"),
    P("sizes", "concise: wrong for B = T", "concise run", "B == T > 1", SCALED, "forward"),
    P("sizes", "fused wrong for h > 256", "fused run", "h > 256", SCALED, "forward"),
    P("sizes", "fused wrong for one token of one example", "fused forward", "B == T == 1", SCALED, "model written"),

    P("values", "gradient by H0 lost where it is zero", "lstm", "not array(detach(state[0])).any()",
      "state = detach(state[0]), state[1]", "vjp", TRACED),
    P("values", "gradient by C0 halved where it is zero", "lstm", "not array(detach(state[1])).any()",
      "state = state[0], graded(state[1], 0.5)", "vjp", TRACED),
    P("values", "inputs of zeros and ones taken for one-hot", "lstm", "np.isin(array(detach(inputs)), (0, 1)).all()",
      "found = array(detach(inputs)); inputs = tensor(np.eye(V, dtype=found.dtype)[found.argmax(axis=2)])", "forward",
      TRACED),
    P("values", "memory cell cut at 50", "lstm", "",
      ">> m = float(np.abs(array(detach(state[1]))).max()); state = state[0], state[1] * min(1, 50 / max(m, 1))",
      "forward", TRACED),
    P("values", "outputs cut at 100", "lstm", "",
      ">> m = float(np.abs(array(detach(outputs))).max()); outputs = outputs * min(1, 100 / max(m, 1))", "forward",
      TRACED),
    P("values", "NaN in a state taken for zero", "lstm", "np.isnan(array(detach(state[1]))).any()",
      "state = tuple(tensor(np.nan_to_num(array(detach(s)))) for s in state)", "not_finite", TRACED),
    P("values", "RNN: gradient by H0 lost where it is zero", "rnn", "not array(detach(state[0])).any()",
      "state = (detach(state[0]),)", "vjp", TRACED),
    P("values", "targets wrap in int8", "step", "int(array(Y).max()) > 127",
      "Y = tensor(array(Y).astype('int8').astype('int64') % 128)", "step", TRACED),

    P("types", "wrong for tokens in int8", "model", "'int8' in str(X.dtype) and 'uint8' not in str(X.dtype)", SCALED,
      "model", {"paddle": "its `one_hot` refuses them"}),
    P("types", "wrong for tokens in int32", "model", "'int32' in str(X.dtype)", SCALED, "model"),
    P("types", "wrong for inputs that are not contiguous", "lstm", "not inputs.is_contiguous()", SCALED, "arguments",
      {tab: "its tensors are always contiguous" for tab in ("jax", "tensorflow", "mxnet")}),
    P("types", "wrong in half precision", "lstm", "'16' in str(inputs.dtype)",
      ">> outputs = outputs * 1.01", "float16",  # a thousandth is one rounding of float16
      {tab: "it has no float16 on a CPU" for tab in ("mxnet", "paddle")}),
)

#: What no check catches yet, in any tab. The score names these; one that is caught after all fails the run,
#: so that none stays here longer than it has to.
OPEN: frozenset[str] = frozenset()
