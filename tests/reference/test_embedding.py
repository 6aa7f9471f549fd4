"""The embedding: its gradient by complex step, and that one-hot is an embedding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from lstm_ref.embedding import (
    EmbeddingParams,
    embed,
    embed_backward,
    embedding_loss_and_grads,
    embedding_lstm,
    embedding_lstm_backward,
    get_embedding_params,
)
from lstm_ref.parity.cases import CASES, make
from tests.reference.test_lstm import PROOF_DTYPE, assert_same_gradient, complex_step

sizes = st.tuples(*(st.integers(low, high) for low, high in ((1, 4), (1, 3), (2, 4), (1, 6), (1, 3))))


def draw(seed, num_steps, batch_size, V, D, h, dtype=PROOF_DTYPE):
    """A problem with weights of a size at which all of them matter."""
    rng = np.random.default_rng(seed)
    params = get_embedding_params(V, D, h, rng, dtype)
    params = EmbeddingParams(params.embedding, ref.LSTMParams(*(
        rng.normal(0, 0.7, param.shape).astype(dtype) for param in params.lstm)))
    state = tuple(rng.normal(0, 1, (batch_size, h)).astype(dtype) for _ in "HC")
    X = rng.integers(0, V, (batch_size, num_steps))
    return params, state, X, rng.integers(0, V, num_steps * batch_size)


def packed(leaves):
    return EmbeddingParams(leaves[0], ref.LSTMParams(*leaves[1:]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), sizes=sizes)
def test_the_gradient_is_complex_step(seed, sizes):
    """Of the embedding, narrower or wider than the vocabulary, and of the 14 arrays."""
    params, state, X, targets = draw(seed, *sizes)
    state_c = tuple(s.astype(np.clongdouble) for s in state)

    def loss(*leaves):
        return ref.cross_entropy(embedding_lstm(X, state_c, packed(leaves))[0], targets)

    _, hand, _ = embedding_loss_and_grads(X, state, params, targets)
    numeric = complex_step(loss, [params.embedding, *params.lstm])
    for name, ours, theirs in zip(("embedding", *ref.PARAM_NAMES), [hand.embedding, *hand.lstm], numeric, strict=True):
        assert_same_gradient(name, ours, theirs)


@pytest.mark.parametrize("name", ["one row less", "last place alone"])
def test_the_proof_can_fail(name):
    """A scatter that assigns instead of adding, as `d[tokens] = rows` does, is seen wherever a token stands twice."""
    params, state, _, targets = draw(3, 4, 1, 3, 2, 3)
    X = np.array([[1, 2, 1, 1]])
    _, hand, _ = embedding_loss_and_grads(X, state, params, targets)
    outputs, _ = embedding_lstm(X, state, params, tape := [])
    d_rows = ref.lstm_backward(tape, params.lstm._replace(
        W_xi=np.vstack([params.lstm.W_xi, np.zeros((1, 3))]), W_xf=np.vstack([params.lstm.W_xf, np.zeros((1, 3))]),
        W_xo=np.vstack([params.lstm.W_xo, np.zeros((1, 3))]), W_xc=np.vstack([params.lstm.W_xc, np.zeros((1, 3))])),
        ref.cross_entropy_backward(outputs, targets)).inputs[..., :2]
    np.testing.assert_array_equal(hand.embedding, embed_backward(X.T, d_rows, 3))
    wrong = np.zeros_like(hand.embedding)
    if name == "last place alone":
        wrong[X.T] = d_rows
    else:
        np.add.at(wrong, X.T[1:], d_rows[1:])
    with pytest.raises(AssertionError, match="embedding: off by"):
        assert_same_gradient("embedding", wrong, hand.embedding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("case", [name for name in CASES if name in ("ragged", "saturated", "square", "rows")])
def test_one_hot_is_an_embedding(case, dtype):
    """With the identity for the embedding: outputs, state and all 14 gradients are equal to the last bit."""
    case = make(case).astype(dtype)
    V, targets = case.sizes[2], case.Y.T.reshape(-1)
    identity = EmbeddingParams(np.eye(V, dtype=dtype), case.params)
    one_hot = ref.one_hot(case.X.T, V, dtype)
    outputs, last = embedding_lstm(case.X, case.state, identity)
    expected, expected_last = ref.lstm(one_hot, case.state, case.params)
    for ours, theirs in zip((outputs, *last), (expected, *expected_last), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    loss, grads, _ = embedding_loss_and_grads(case.X, case.state, identity, targets)
    expected_loss, expected_grads, _ = ref.loss_and_grads(one_hot, case.state, case.params, targets)
    assert loss == expected_loss
    for name, ours, theirs in zip(ref.PARAM_NAMES, grads.lstm, expected_grads, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_an_embedding_is_one_hot_on_a_product():
    """A token reads its row of E W_x*: the same outputs from one-hot rows; equal to rounding, not to the bit."""
    params, state, X, _ = draw(0, 5, 3, 7, 4, 6)
    folded = {name: params.embedding @ W if name.startswith("W_x") else W for name, W in params.lstm._asdict().items()}
    outputs, _ = ref.lstm(ref.one_hot(X.T, 7, PROOF_DTYPE), state, ref.LSTMParams(**folded))
    ours, _ = embedding_lstm(X, state, params)
    assert_same_gradient("outputs", ours, outputs)


def test_rows_and_their_gradient():
    """Of tokens of any shape; a token that did not occur has no gradient."""
    embedding = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(embed([[2, 0]], embedding), [[[4, 5], [0, 1]]])
    np.testing.assert_array_equal(embed_backward([[2, 0], [2, 2]], np.ones((2, 2, 2)), 3), [[1, 1], [0, 0], [3, 3]])


def test_the_start():
    """Shapes, dtype, zero biases; an embedding of unit scale; one seed, one draw."""
    params = get_embedding_params(50, 20, 8, 0)
    assert params.embedding.shape == (50, 20) and params.embedding.dtype == np.float32
    shapes = [param.shape for param in params.lstm]
    assert shapes[0] == (20, 8) and shapes[-2:] == [(8, 50), (50,)] and not params.lstm.b_i.any()
    assert 0.9 < params.embedding.std() < 1.1 and 0.008 < params.lstm.W_hq.std() < 0.012
    np.testing.assert_array_equal(params.embedding, get_embedding_params(50, 20, 8, 0).embedding)


@pytest.mark.parametrize(("call", "words"), [
    (lambda p: embed([7], p.embedding), r"^tokens: expected tokens in \[0, 7\), got 7 at index \(0,\)"),
    (lambda p: embed([0], p.embedding[0]), r"^embedding: expected shape \(vocab_size, embedding_size\), got \(4,\)"),
    (lambda p: embed_backward([[0]], np.ones((2, 4)), 7), r"^d_rows: expected shape \(\*tokens.shape, embedding_size"),
    (lambda p: get_embedding_params(7, 0, 3), "^embedding_size: expected an integer of at least 1, got 0"),
    (lambda p: embedding_lstm([[0]], ref.init_lstm_state(1, 6), p._replace(embedding=p.embedding[:, :3])),
     r"^W_xi: expected shape \(embedding_size, num_hiddens\), got \(4, 6\)"),
    (lambda p: embedding_lstm([[0]], ref.init_lstm_state(1, 6), p._replace(lstm=p.lstm._replace(b_q=p.lstm.b_q[1:]))),
     r"^b_q: expected shape \(vocab_size,\) = \(7,\), got \(6,\)"),
    (lambda p: embedding_lstm_backward([], [[0]], p, np.ones((1, 7))), "^tape: expected the steps that lstm recorded"),
])
def test_what_is_refused(call, words):
    """In the words of the functions it is made of."""
    params, *_ = draw(0, 1, 1, 7, 4, 6, np.float32)
    with pytest.raises(ValueError, match=words):
        call(params)
