"""Mistakes in how a model starts: its parameters and its first state."""

from lstm_ref.parity.mistakes.mistake import Edit, Mistake


def _start(name: str, sentence: str, fix: str, *edits: tuple[str, str], source: str = "", check: str = "params",
           alone: bool = False) -> Mistake:
    found: list[Edit] = [("params", right, wrong) for right, wrong in edits]
    return Mistake(name, sentence, fix, check, tuple(found), source, alone=alone)


NORMAL = "rng.normal(0, 0.01, shape)"
STATE = "return np.zeros((batch_size, num_hiddens), dtype), np.zeros((batch_size, num_hiddens), dtype)"

PARAMETERS = (
    _start("weights ten times too large", "The standard deviation is 0.1.", "It is 0.01.",
           (NORMAL, "rng.normal(0, 0.1, shape)"), source="https://github.com/PufferAI/PufferLib/issues/459"),
    _start("weights with variance 0.01", "0.01 is taken for the variance, so the standard deviation is 0.1 of one.",
           "It is the standard deviation.", (NORMAL, "rng.normal(0, 0.01 * 0.01, shape)")),
    _start("weights scaled by the fan-in", "The standard deviation is one over the root of the number of rows.",
           "It is 0.01.", (NORMAL, "rng.normal(0, shape[0] ** -0.5, shape)"),
           source="https://github.com/jihunchoi/recurrent-batch-normalization-pytorch/issues/5"),
    _start("weights uniform", "The weights are uniform with the right variance.",
           "Draw them from a normal distribution.", (NORMAL, "rng.uniform(-0.01, 0.01, shape) * 3**0.5")),
    _start("weights zero", "The weights are not drawn.", "Draw them from Normal(0, 0.01).",
           (NORMAL, "0 * rng.normal(0, 0.01, shape)")),
    _start("one random key for all weights", "All gates start from the same numbers.", "Draw, or split the key, anew.",
           ("    rng = np.random.default_rng(rng)\n", "    seed = rng\n"),
           (NORMAL, "np.random.default_rng(seed).normal(0, 0.01, shape)"),
           source="https://github.com/jax-ml/jax/issues/2009"),
    _start("seed ignored", "The weights do not depend on the seed.", "Draw from the generator that is given.",
           ("    rng = np.random.default_rng(rng)\n", "    rng = np.random.default_rng(0)\n")),
    _start("forget bias starts at one", "b_f is initialised to ones.", "All biases start at zero.",
           ('    return LSTMParams(*draw_params(param_shapes(vocab_size, num_hiddens).values(), rng, dtype))',
            '    drawn = LSTMParams(*draw_params(param_shapes(vocab_size, num_hiddens).values(), rng, dtype))\n'
            '    return drawn._replace(b_f=drawn.b_f + 1)'),
           source="https://tensorflow.org/versions/r1.15/api_docs/python/tf/keras/layers/LSTM"),
    _start("biases drawn like weights", "The biases are Normal(0, 0.01).", "They start at zero.",
           ("np.zeros(shape) if len(shape) == 1 else rng", "rng")),
    _start("output layer first", "W_hq and b_q come before the gates' parameters.", "The book has them last.",
           ("return {**gates, \"W_hq\": (h, V), \"b_q\": (V,)}", "return {\"W_hq\": (h, V), \"b_q\": (V,), **gates}")),
    _start("dtype ignored", "The parameters are always float32 (or always float64).", "Use the dtype that is given.",
           (".astype(dtype) for shape in shapes",
            ".astype('f8' if np.dtype(dtype) == 'f4' else 'f4') for shape in shapes"),
           source="https://docs.jax.dev/en/latest/default_dtypes.html"),
    _start("one array for all biases", "The gates' biases are one array.", "Make an array for each.",
           ('    return LSTMParams(*draw_params(param_shapes(vocab_size, num_hiddens).values(), rng, dtype))',
            '    drawn = LSTMParams(*draw_params(param_shapes(vocab_size, num_hiddens).values(), rng, dtype))\n'
            '    return drawn._replace(b_f=drawn.b_i, b_o=drawn.b_i, b_c=drawn.b_i)')),
)

STATES = (
    _start("H and C share their memory", "One array is returned twice.", "Make two.",
           (STATE, "return (np.zeros((batch_size, num_hiddens), dtype),) * 2"), check="state",
           source="https://github.com/pytorch/pytorch/pull/142303"),
    _start("state starts at ones", "H and C are ones.", "They start at zero.",
           (STATE, STATE.replace("np.zeros", "np.ones")), check="state"),
    _start("state drawn at random", "H and C are normal numbers.", "They start at zero.",
           (STATE, "return tuple(np.random.default_rng(k).normal(size=(batch_size, num_hiddens)).astype(dtype)"
                   " for k in (0, 1))"), check="state", alone=True),
    _start("state with its axes exchanged", "H and C are (num_hiddens, batch_size).",
           "They are (batch_size, num_hiddens).", (STATE, STATE.replace("batch_size, num_hiddens",
                                                                        "num_hiddens, batch_size")), check="state",
           source="https://github.com/pytorch/pytorch/issues/34036"),
    _start("H alone as the state", "C is missing.", "The state is (H, C).",
           (STATE, "return (np.zeros((batch_size, num_hiddens), dtype),)"), check="state",
           source="https://github.com/johnarevalo/blocks-char-rnn/issues/1"),
)
