"""Mistakes in the training loop, the sampling of minibatches and prediction."""

from lstm_ref.parity.mistakes.mistake import Mistake
from lstm_ref.parity.mistakes.update import REMEMBER

BEGIN = "state is None or use_random_iter else"


def _loop(name: str, sentence: str, fix: str, right: str, wrong: str, check: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, check, (("loop", right, wrong),), source)


def _sampling(name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, "sampling", (("text", right, wrong),), source)


TRAINING = (
    _loop("state not carried", "Each minibatch of a sequential partition starts from zeros.",
          "Begin a state at the start of an epoch only; or the new state never leaves the function that is "
          "differentiated: return it from there.", BEGIN, "True else", "trajectory",
          "https://github.com/keras-team/keras/issues/1820"),
    _loop("state carried in random sampling", "A minibatch starts from the state of one it does not continue.",
          "Begin a new state at each minibatch of random sampling.", BEGIN, "state is None else", "trajectory",
          "https://github.com/tensorflow/tensorflow/issues/40067"),
    Mistake("state carried into the next epoch", "An epoch starts from the state at the end of the one before.",
            "Begin a new state at each epoch.", "trajectory",
            (("loop", "    state, timer = None, Timer()\n",
              "    owner = getattr(begin_state, '__self__', begin_state).__dict__\n"
              "    state, timer = owner.get('left'), Timer()\n"),
             ("loop", "        num_tokens = math.prod(Y.shape)\n",
              "        owner['left'] = state\n        num_tokens = math.prod(Y.shape)\n")),
            "https://github.com/keras-team/keras/issues/2849"),
    _loop("only H carried", "C starts from zeros at each minibatch.", "Carry H and C.",
          "use_random_iter else detach(state)", "use_random_iter else (detach(state)[0], 0 * detach(state)[1])",
          "trajectory", "https://github.com/johnarevalo/blocks-char-rnn/issues/1"),
    Mistake("learning rate decays", "The learning rate is halved at each minibatch.", "The book's stays as it is.",
            "trajectory",
            (("model", "        return loss, state\n", "        lr = lr / 2\n        return loss, state\n"),
             ("model", "        net.params, state, loss", "        nonlocal lr\n        net.params, state, loss")),
            "https://github.com/Lornatang/SRGAN-PyTorch/issues/1"),
    Mistake("every second minibatch left out", "Only every second gradient is used.", "Update after each minibatch.",
            "trajectory",
            (*REMEMBER, ("training", "    return sgd(params, grad_clipping(grads, theta), lr), last, loss",
                         "    memory = {} if memory is None else memory\n"
                         "    memory['left'] = not memory.get('left', False)\n"
                         "    return sgd(params, grad_clipping(grads, theta), lr if memory['left'] else 0.0), "
                         "last, loss"))),
    Mistake("weights drawn anew", "train_ch8 initialises the model that it is given.",
            "Initialise where a model is made.", "carrier",
            (("model", "    animator = Animator(",
              "    net.params = net.params._make(p + p.dtype.type(1) for p in net.params)\n    animator = Animator("),),
            "https://beta.mxnet.io/api/gluon/_autogen/mxnet.gluon.Parameter.initialize.html"),
)

SAMPLING = (
    _sampling("samples' targets not shifted", "Y is X.", "Y is X one token later.",
              "Ys = tokens[:-1].reshape(batch_size, -1), tokens[1:]",
              "Ys = tokens[:-1].reshape(batch_size, -1), tokens[:-1]",
              "https://github.com/Project-MONAI/GenerativeModels/issues/314"),
    _sampling("samples' targets shifted by two", "Y is X two tokens later.", "Y is X one token later.",
              "corpus[rows], corpus[rows + 1]", "corpus[rows], corpus[np.minimum(rows + 2, len(corpus) - 1)]",
              "https://github.com/huggingface/transformers/issues/47388"),
    _sampling("offset always zero", "Every epoch cuts the text at the same places.",
              "Draw the offset, random.randint(0, num_steps), anew for each epoch.",
              "offset = random.randint(0, num_steps)", "offset = 0"),
    _sampling("offset drawn too far", "The offset goes up to the batch's length.",
              "random.randint(0, num_steps - 1) for random sampling.",
              "random.randint(0, num_steps - 1):]", "random.randint(0, 2 * num_steps - 1):]"),
    _sampling("text wraps around", "The last target is the first token.", "Leave the last token out of the inputs.",
              "Ys = tokens[:-1].reshape(batch_size, -1), tokens[1:].reshape(",
              "Ys = tokens[:-1].reshape(batch_size, -1), np.roll(tokens[:-1], -1).reshape("),
    _sampling("random samples in order", "The subsequences are not shuffled.", "Shuffle their starts.",
              "    random.shuffle(starts)\n", ""),
    _sampling("sequential partition shuffled", "A minibatch does not continue the one before.", "Keep their order.",
              "    for t in range(0, Xs.shape[1] // num_steps * num_steps, num_steps):",
              "    for t in random.sample(range(0, Xs.shape[1] // num_steps * num_steps, num_steps), "
              "Xs.shape[1] // num_steps):", "https://github.com/tensorflow/tensorflow/issues/40067"),
    _sampling("rows interleaved", "Row b + 1 of a minibatch continues row b, not the next minibatch.",
              "Lay the text out in batch_size rows first: reshape(batch_size, -1).",
              "tokens[:-1].reshape(batch_size, -1), tokens[1:].reshape(batch_size, -1)",
              "tokens[:-1].reshape(-1, batch_size).T, tokens[1:].reshape(-1, batch_size).T",
              "https://github.com/keras-team/keras/issues/1820"),
)

PREDICTION = (
    _loop("no warm-up", "A prediction starts from the prefix's last character and a state of zeros.",
          "Run the model over the prefix first.", "in tokens[:-1]:", "in tokens[:0]:", "prediction",
          "https://github.com/karpathy/char-rnn/issues/117"),
    _loop("state not carried in prediction", "Each character is predicted from the state before the prefix's last.",
          "Pass the new state on.", "outputs, state = step(tokens[-1], state)", "outputs, _ = step(tokens[-1], state)",
          "prediction", "https://github.com/ageron/handson-mlp/pull/4"),
    _loop("last character read twice", "The warm-up reads the prefix's last character, and so does the first "
          "prediction.", "Warm up on all but the last.", "in tokens[:-1]:", "in tokens:", "prediction"),
    _loop("prediction not fed back", "Every character is predicted from the prefix's last one.",
          "Read the character that was written.", "outputs, state = step(tokens[-1], state)",
          "outputs, state = step(vocab[prefix[-1]], state)", "prediction",
          "https://github.com/FluxML/model-zoo/issues/12"),
    Mistake("sampling for argmax", "The next character is drawn by its probability.", "Take the most likely one.",
            "prediction", (("loop", "int(np.argmax(outputs))",
                            "int(np.argmax(outputs + np.random.default_rng().gumbel(size=len(outputs))))"),),
            "https://github.com/pytorch/examples/pull/849", alone=True),
)
