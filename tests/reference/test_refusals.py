"""What is no array, no tape, no vocabulary and no number is refused in a sentence that names it, before it computes."""

import re
from functools import partial

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref import text
from lstm_ref.embedding import get_embedding_params
from lstm_ref.loop import predict, train_epoch
from lstm_ref.validate import check_theta

T, B, V, H = 2, 3, 5, 4
X = np.arange(B * T).reshape(B, T) % V
INPUTS = ref.one_hot(X.T, V)
PARAMS = {"lstm": ref.get_lstm_params(V, H, 0), "rnn": ref.get_params(V, H, 0), "gru": ref.get_gru_params(V, H, 0)}
STATES = {"lstm": ref.init_lstm_state(B, H), "rnn": ref.init_rnn_state(B, H), "gru": ref.init_gru_state(B, H)}
FORWARD = {"lstm": ref.lstm, "rnn": ref.rnn, "gru": ref.gru}
BACKWARD = {"lstm": ref.lstm_backward, "rnn": ref.rnn_backward, "gru": ref.gru_backward}
OUTPUTS, TARGETS = np.zeros((T * B, V)), X.T.reshape(-1)
D_OUTPUTS = np.ones((T * B, V), np.float32)
#: Each lets products, sums or masks mean something else.
ODD = {"matrix": lambda array: array.view(np.matrix), "MaskedArray": np.ma.masked_array}


def refused(call, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}"):
        call()


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("cell", FORWARD)
def test_a_matrix_or_a_masked_array_is_refused(cell, kind):
    """As inputs (a matrix has two axes only), state or parameters."""
    odd, run, params, state = ODD[kind], FORWARD[cell], PARAMS[cell], STATES[cell]
    if kind == "MaskedArray":
        refused(lambda: run(odd(INPUTS), state, params), "inputs: expected a plain array, got MaskedArray")
    refused(lambda: run(INPUTS, (odd(state[0]), *state[1:]), params),
            f"state[0] (H): expected a plain array, got {kind}")
    refused(lambda: run(INPUTS, state, [odd(params[0]), *params[1:]]),
            f"params[0] ({params._fields[0]}): expected a plain array, got {kind}")


def grads(*arrays):
    return partial(ref.grad_clipping, list(arrays), 1)


def embedded(X):
    from lstm_ref.embedding import embedding_lstm

    return embedding_lstm(X, STATES["lstm"], get_embedding_params(V, 2, H, 0))


MASKED_X = np.ma.masked_array(X, mask=X == 1)
NUMBERS = {
    "sigmoid of integers": (lambda: ref.sigmoid(np.array([1, 2])),
                            "x: expected an array of floating-point numbers, got int64"),
    "sigmoid of truth values": (lambda: ref.sigmoid(np.array(True)), "x: expected an array of floating-point numbers, "
                                "got bool"),
    "sigmoid of objects": (lambda: ref.sigmoid(np.array([1.0], object)), "x: expected an array of floating-point"),
    "sigmoid of a text": (lambda: ref.sigmoid("a"), "x: expected an array of floating-point numbers, got str"),
    "sigmoid of a list": (lambda: ref.sigmoid([1.0]), "x: expected an array of floating-point numbers, got list"),
    "sigmoid of a masked array": (lambda: ref.sigmoid(np.ma.masked_array([1.0])), "x: expected an array of floating"),
    "log_softmax of integers": (lambda: ref.log_softmax(np.array([0, 255], np.uint8)), "outputs: expected an array of "
                                "floating-point numbers, got uint8"),
    "log_softmax of a list": (lambda: ref.log_softmax([1.0]), "outputs: expected an array of floating-point numbers"),
    "log_softmax of a number": (lambda: ref.log_softmax(1.0), "outputs: expected at least one number on the last axis"),
    "log_softmax of nothing": (lambda: ref.log_softmax(np.zeros((3, 0))),
                               "outputs: expected at least one number on the last axis, got shape (3, 0)"),
    **{f"{function.__name__} of {kind}": (partial(function, outputs, TARGETS), f"outputs: expected {words}")
       for function in (ref.cross_entropy, ref.cross_entropy_backward)
       for kind, outputs, words in [
           ("integers", OUTPUTS.astype(np.int8), "an array of floating-point numbers, got int8"),
           ("truth values", OUTPUTS > 0, "an array of floating-point numbers, got bool"),
           ("objects", OUTPUTS.astype(object), "an array of floating-point numbers, got object"),
           ("texts", OUTPUTS.astype(str), "an array of floating-point numbers, got str"),
           ("a list", OUTPUTS.tolist(), "an array of shape (n, vocab_size), got list"),
           ("a masked array", np.ma.masked_array(OUTPUTS), "a plain array, got MaskedArray")]},
    **{f"perplexity of {loss!r}": (partial(ref.perplexity, loss), "loss: expected a number, got")
       for loss in ("1", None, [1.0], np.array([1.0]), True, 1j)},
    "clipping integers": (grads(np.array([200], np.uint8)),
                          "grads[0]: expected an array of floating-point numbers, got uint8"),
    "clipping nothing": (grads(), "grads: expected at least one array, got none"),
    "clipping complex numbers": (grads(np.ones(2), np.array([3j])), "grads[1]: expected an array of floating-point"),
    "clipping a text": (partial(ref.grad_clipping, "abc", 1), "grads: expected a list or tuple of arrays, got str"),
    "clipping None": (grads(np.ones(2), None), "grads[1]: expected an array of floating-point numbers, got NoneType"),
    "clipping a number": (grads(3.0), "grads[0]: expected an array of floating-point numbers, got float"),
    "clipping a list": (grads([3.0]), "grads[0]: expected an array of floating-point numbers, got list"),
    "clipping a masked array": (grads(np.ma.masked_array([3.0])), "grads[0]: expected an array of floating-point"),
    "an update of a generator": (lambda: ref.sgd((a for a in [np.ones(2)]), [np.ones(2)], 1),
                                 "params: expected a list or tuple of arrays, got generator"),
    "an update of None": (lambda: ref.sgd(None, [np.ones(2)], 1), "params: expected a list or tuple of arrays, got"),
    "an update of a dict": (lambda: ref.sgd({"a": np.ones(2)}, [np.ones(2)], 1), "params: expected a list or tuple"),
    "an update of integers": (lambda: ref.sgd([np.array([1])], [np.ones(1)], 1), "params[0]: expected an array of"),
    "a step from None": (lambda: ref.train_step(None, X, X, STATES["lstm"], 1), "params: expected 14 arrays"),
    "a step from numbers": (lambda: ref.train_step([1] * 14, X, X, STATES["lstm"], 1), "params[0] (W_xi): expected an"),
    "a step from complex numbers": (
        lambda: ref.train_step([a.astype(complex) for a in PARAMS["lstm"]], X, X, STATES["lstm"], 1),
        "params[0] (W_xi): expected an array of floating-point numbers, got complex128"),
    "a step on masked tokens": (lambda: ref.train_step(PARAMS["lstm"], MASKED_X, X, STATES["lstm"], 1),
                                "X: expected a plain array, got MaskedArray"),
    "masked tokens in one_hot": (lambda: ref.one_hot(MASKED_X, V), "tokens: expected a plain array, got MaskedArray"),
    "masked tokens in a model": (lambda: net()(MASKED_X, STATES["lstm"]), "tokens: expected a plain array, got Masked"),
    "masked tokens in an embedding": (lambda: embedded(MASKED_X), "tokens: expected a plain array, got MaskedArray"),
    **{f"one_hot for {size!r}": (partial(ref.one_hot, [0], size), "vocab_size: expected an integer of at least 1, got")
       for size in (2.5, "3", 0, None)},
    **{f"one_hot of {dtype!r}": (partial(ref.one_hot, [0], 2, dtype), "dtype: expected a floating one, got")
       for dtype in ("nonsense", object, bool, [1], "m8[s]")},
    **{f"{shapes.__name__}{sizes}": (partial(shapes, *sizes), f"{name}: expected an integer of at least 1, got")
       for shapes in (ref.param_shapes, ref.rnn_param_shapes, ref.gru_param_shapes)
       for sizes, name in ((("2", 3), "vocab_size"), ((2, -3), "num_hiddens"))},
    **{f"{draw.__name__} with the seed {seed!r}": (
        partial(draw, 2, 3, seed), f"rng: expected a generator, a seed of at least 0 or None, got {seed!r}")
       for draw in (ref.get_lstm_params, ref.get_params, ref.get_gru_params) for seed in ("x", 1.5, -1)},
    "an embedding with a seed": (lambda: get_embedding_params(2, 3, 4, "x"), "rng: expected a generator, a seed"),
    **{f"theta {theta!r}": (partial(check_theta, theta), "theta: expected a finite number above 0, got")
       for theta in (bytearray(b"1"), np.True_, np.array([1.0]), np.timedelta64(1, "s"), np.complex64(1))},
    "a mean without laps": (lambda: ref.Timer().avg(), "times: expected at least one lap, got none; call stop first"),
}


@pytest.mark.parametrize(("call", "words"), NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_array_of_numbers_is_refused(call, words):
    """Rather than wrapped around, cut off or left to NumPy."""
    refused(call, words)


@pytest.mark.parametrize("kind", [np.float16, np.longdouble, np.complex128])
def test_any_floating_point_numbers_are_taken(kind):
    """Of each width, also for a complex step; infinity, NaN and integers for a perplexity."""
    outputs = OUTPUTS.astype(kind)
    assert ref.cross_entropy(outputs, TARGETS).dtype == ref.sigmoid(outputs).dtype == kind
    assert ref.perplexity(0) == 1 and ref.perplexity(np.inf) == np.inf and np.isnan(ref.perplexity(np.float32("nan")))
    assert ref.sigmoid(0.0) == 0.5 and ref.one_hot([0], 2, kind).dtype == kind and ref.one_hot([1], 2, int).sum() == 1


def recorded(cell, **how):
    tape = []
    FORWARD[cell](INPUTS, STATES[cell], PARAMS[cell], tape, **how)
    return tape


def back(cell, tape=None, params=None, d_outputs=D_OUTPUTS, d_state=None, **how):
    return partial(BACKWARD[cell], recorded(cell) if tape is None else tape, PARAMS[cell] if params is None else params,
                   d_outputs, d_state, **how)


OTHER = {"lstm": "rnn", "rnn": "gru", "gru": "lstm"}
STEPS = {"lstm": "Step", "rnn": "RNNStep", "gru": "GRUStep"}
BIG = {"lstm": ref.get_lstm_params, "rnn": ref.get_params, "gru": ref.get_gru_params}
TAPES = {f"{cell}: {what}": case for cell in FORWARD for what, case in {
    "an empty tape": (back(cell, []), f"tape: expected the steps that {cell} recorded, got an empty tape"),
    "a generator": (back(cell, (s for s in recorded(cell))), f"tape: expected the steps that {cell} recorded, got gen"),
    "another cell's": (back(cell, recorded(OTHER[cell])), f"tape[0]: expected a {STEPS[cell]} that {cell} recorded,"),
    "no steps": (back(cell, [1, 2]), f"tape[0]: expected a {STEPS[cell]} that {cell} recorded, got a int"),
    "other units": (back(cell, params=BIG[cell](V, 9, 0)), "params[0] (W_x"),
    "another vocabulary": (back(cell, params=BIG[cell](7, H, 0)), "params[0] (W_x"),
    "no parameters": (back(cell, params=[1.0] * len(PARAMS[cell])), "params[0] (W_x"),
    "gradients that are integers": (back(cell, d_outputs=D_OUTPUTS.astype(int)),
                                    "d_outputs: expected an array of floating-point numbers, got int64"),
    "a state's gradient too many": (back(cell, d_state=(*STATES[cell], STATES[cell][0])), "d_state: expected the"),
    "no state's gradient": (back(cell, d_state=()), "d_state: expected the"),
    "an array for the state's gradients": (back(cell, d_state=np.stack(STATES[cell])), "d_state: expected the"),
}.items()}
TAPES |= {
    "gru: recorded with reset_after": (back("gru", recorded("gru", reset_after=True)),
                                       "tape[0]: expected a GRUStep that gru recorded, got a GRUAfterStep"),
    "gru: recorded without": (back("gru", reset_after=True), "tape[0]: expected a GRUAfterStep that gru recorded"),
}


@pytest.mark.parametrize(("call", "words"), TAPES.values(), ids=TAPES)
def test_a_gradient_of_another_run_is_refused(call, words):
    """Tape, parameters and upstream gradients belong together."""
    refused(call, words)


ONES = [np.ones(2)] * 2


def team(lr=1.0):
    return ref.Workers(net(), 2, lr)


def net(vocab_size=V, seed=0):
    return ref.RNNModelScratch(
        vocab_size, H, ref.get_lstm_params, ref.init_lstm_state, ref.lstm, ref.lstm_backward, seed)


WORKERS = {
    "means that can be read once": (lambda: ref.all_reduce((a for a in ONES), [1, 1]),
                                    "means: expected a list or tuple with one for each worker, got generator"),
    "numbers that can be read once": (lambda: ref.all_reduce(ONES, iter([1, 1])), "tokens: expected a list or tuple"),
    "numbers of eight bits": (lambda: ref.all_reduce(ONES, np.array([200, 200], np.uint8)),
                              "tokens: expected a list or tuple with one for each worker, got ndarray"),
    "no means": (lambda: ref.all_reduce([], []), "means: expected a list or tuple with one for each worker, got none"),
    "a number too many": (lambda: ref.all_reduce(ONES, [1, 1, 1]), "tokens: expected 2 numbers, one for each of the "
                          "means, got 3"),
    "other shapes": (lambda: ref.all_reduce([np.ones(2), np.ones((3, 2))], [1, 1]), "means[1]: expected shape of the "
                     "first = (2,), got (3, 2)"),
    **{f"{count!r} tokens": (partial(ref.all_reduce, ONES, [1, count]), "tokens[1]: expected an integer of at least 1")
       for count in (0, -1, 1.5, True, np.nan)},
    "means that are integers": (lambda: ref.all_reduce([np.array([100], np.int8)] * 2, [3, 3]), "means[0]: expected an "
                                "array of floating-point numbers, got int8"),
    "means that are lists": (lambda: ref.all_reduce([[1.0], [2.0]], [3, 3]), "means[0]: expected an array of shape"),
    **{f"shards({rows!r})": (partial(ref.shards, rows, 1), "batch_size: expected an integer of at least 1, got")
       for rows in ("5", 2.5, 0, -1, True, None)},
    "no states": (lambda: team().step(X, X, None), "states: expected a list of 2, one for each worker, got NoneType"),
    "a state": (lambda: team().step(X, X, team().begin_state(B)[:1]),
                "states: expected a list of 2, one for each worker, got 1"),
    **{f"lr {lr!r}": (partial(team, lr), "lr: expected a finite number of at least 0, got")
       for lr in (np.nan, "1", -1)},
}


@pytest.mark.parametrize(("call", "words"), WORKERS.values(), ids=WORKERS)
def test_workers_refuse(call, words):
    """Before anything is summed."""
    refused(call, words)


def test_numbers_of_tokens_do_not_wrap_around():
    """Also where each is a NumPy integer of eight bits."""
    assert ref.all_reduce([np.float64(1), np.float64(2)], [np.uint8(200), np.uint8(200)]) == 1.5


VOCAB = ref.Vocab("abcd")


def write(prefix="ab", net=None, vocab=VOCAB, alpha=None, rng=None):
    return ref.predict_ch8(prefix, 3, net or globals()["net"](), vocab, alpha, rng)


WRITING = {
    **{f"the prefix {type(prefix).__name__}": (
        partial(write, prefix), f"prefix: expected a string or a list of tokens, got {type(prefix).__name__}")
       for prefix in ({"a", "b"}, 5, None, b"a", (c for c in "ab"), np.array(["a", "b"]))},
    "a nested prefix": (lambda: write([["a"]]), "prefix: expected strings for its tokens, got list at index 0"),
    "a larger vocabulary": (lambda: write(vocab=ref.Vocab("abcdefgh")), "vocab: expected 5 tokens, as many as the net "
                            "has, got 9"),
    "a smaller vocabulary": (lambda: write(vocab=ref.Vocab("ab")), "vocab: expected 5 tokens, as many as the net has"),
    "no vocabulary": (lambda: write(vocab={"a": 1}), "vocab: expected a Vocab, got dict"),
    "a seed": (lambda: write(alpha=1, rng="x"), "rng: expected a generator, a seed of at least 0 or None, got 'x'"),
    "training without a letter": (
        lambda: ref.train_ch8(net(), None, ref.Vocab("time"), 1, 1),
        "vocab: expected the characters of 'time traveller', from which text is written, got none for ' '"),
    "training with a larger vocabulary": (lambda: ref.train_ch8(net(), None, ref.Vocab("time travel"), 1, 1),
                                          "vocab: expected 5 tokens, as many as the net has, got 10"),
    "training at no rate": (lambda: ref.train_ch8(net(), None, VOCAB, np.nan, 1), "lr: expected a finite number"),
    "training for no epochs": (lambda: ref.train_ch8(net(), None, VOCAB, 1, 0), "num_epochs: expected an integer"),
    "training on lists": (lambda: ref.train_epoch_ch8(net(), [([[1]], [[1]])], 1, False),
                          "X: expected an array of shape (batch_size, num_steps), got list"),
    "training on targets that are lists": (lambda: ref.train_epoch_ch8(net(), [(X, [[1]])], 1, False),
                                           "Y: expected an array of shape (batch_size, num_steps), got list"),
    "training on no pairs": (lambda: train_epoch([1], None, None, None, False), "train_iter: expected pairs (X, Y),"),
}


@pytest.mark.parametrize(("call", "words"), WRITING.values(), ids=WRITING)
def test_writing_refuses(call, words):
    """What would write in another order, by another vocabulary, or after all epochs of a training."""
    refused(call, words)


@pytest.mark.parametrize("alpha", [None, 1])
def test_a_net_that_gives_nan_writes_nothing(alpha):
    """The first token of a vocabulary would be taken for the most likely one."""
    broken = net()
    broken.params = broken.params._replace(b_q=np.full(V, np.nan, np.float32))
    with pytest.raises(FloatingPointError, match=r"^outputs: expected numbers to choose a token by, got NaN$"):
        write(net=broken, alpha=alpha)
    assert predict("a", 1, VOCAB, None, lambda token, state: (np.array([-np.inf, 0, np.inf, 0, 0]), state)) == "ab"


TEXTS = {
    **{f"a vocabulary of {what}": (partial(ref.Vocab, tokens), words) for what, tokens, words in [
        ("None", None, "tokens: expected a list of tokens, or of lists of them, got NoneType"),
        ("tokens and lists", [["a"], "bc"], "tokens: expected tokens or lists of them, got both"),
        ("lists and tokens", ["bc", ["a"]], "tokens: expected tokens or lists of them, got both"),
        ("generators", ((c for c in word) for word in ("ab", "c")), "tokens[0]: expected a token, or a list of them,"),
        ("sets", ["a", {"b"}], "tokens[1]: expected a token, or a list of them, got set"),
        ("sets in lists", [["a", {"b"}]], "tokens[1]: expected a token, or a list of them, got set")]},
    **{f"min_freq {least!r}": (partial(ref.Vocab, "ab", least), "min_freq: expected an integer of at least 0, got")
       for least in (np.nan, "1", -5, 1.5)},
    **{f"reserved {tokens!r}": (partial(ref.Vocab, "ab", 0, tokens), "reserved_tokens: expected a list of tokens, got")
       for tokens in ("<pad>", None)},
    **{f"the index of {type(token).__name__}": (
        partial(VOCAB.__getitem__, token), f"tokens: expected a token, or a list of them, got {type(token).__name__}")
       for token in (np.array(["a"]), (c for c in "ab"), {"a"})},
    **{f"the token of {index!r}": (partial(VOCAB.to_tokens, index), f"indices: expected {words}") for index, words in [
        (-1, "an integer in [0, 5), got -1"), ([0, -1], "an integer in [0, 5), got -1"),
        (5, "an integer in [0, 5), got 5"), (1.0, "an integer, or a list of them, got float"),
        (True, "an integer, or a list of them, got bool"), (np.True_, "an integer, or a list of them, got bool"),
        ("1", "an integer, or a list of them, got str"),
        (np.array([1]), "an integer, or a list of them, got ndarray")]},
    **{f"the source {source!r}": (
        partial(text.read_text, source), "source: expected 'timemachine', 'embedded' or the name of a text file, got")
       for source in (5, b"a.txt", False)},
    "a source with a NUL": (lambda: text.read_text("a\0b"), "source: expected 'timemachine', 'embedded' or a text"),
    **{f"held_out {share!r}": (partial(text.SeqDataLoader, 2, 3, source="embedded", held_out=share),
                               "held_out: expected a share of at least 0 and below 1, got")
       for share in ("x", None, np.nan, -0.1, 1)},
}


@pytest.mark.parametrize(("call", "words"), TEXTS.values(), ids=TEXTS)
def test_texts_refuse(call, words):
    """What would be read as something else, or counted from the end."""
    refused(call, words)


def test_the_tokens_of_integers_of_any_kind():
    """NumPy's as well."""
    assert VOCAB.to_tokens([np.int64(1), np.uint8(2), np.array(3)]) == ["a", "b", "c"]


def test_a_folder_in_the_place_of_the_book_is_named(tmp_path, monkeypatch):
    """And the folder of the cache may begin with the user's."""
    (tmp_path / text.FILE_NAME).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LSTM_REF_DATA_DIR", "~")
    assert text.data_dir() == tmp_path
    refused(text.fetch_time_machine, f"{tmp_path / text.FILE_NAME}: expected the book's file, which can't be read (Is")
