"""The chapters' model in NumPy: the training loop, prediction, and the small tools."""

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref import loop

CELLS = {"lstm": (ref.get_lstm_params, ref.init_lstm_state, ref.lstm, ref.lstm_backward),
         "rnn": (ref.get_params, ref.init_rnn_state, ref.rnn, ref.rnn_backward)}


def model(cell="lstm", vocab_size=28, num_hiddens=16, seed=0):
    return ref.RNNModelScratch(vocab_size, num_hiddens, *CELLS[cell], rng=seed)


@pytest.fixture(scope="module")
def data():
    """A minibatch of the story that ships with the package."""
    return ref.load_data_time_machine(4, 8, max_tokens=200, source="embedded")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("use_random_iter", [False, True])
def test_training_learns(cell, use_random_iter, data):
    """Perplexity falls far below the vocabulary's size, with either way of sampling."""
    train_iter, vocab = data
    net = model(cell, len(vocab), 32)
    first, _ = ref.train_epoch_ch8(net, train_iter, 1.0, use_random_iter)
    for _ in range(40):
        last, speed = ref.train_epoch_ch8(net, train_iter, 1.0, use_random_iter)
    assert last < 0.75 * first <= len(vocab) + 1
    assert speed > 0


def test_the_state_is_carried_reset_and_detached():
    """Begun at each epoch; carried between minibatches, detached; begun at every one with random sampling."""
    X = Y = np.zeros((2, 3), int)
    for use_random_iter, expected in ((False, ["begin 2", "step 0", "detach 1", "step d1", "detach 1", "step d1"]),
                                      (True, ["begin 2", "step 0"] * 3)):
        seen = []

        def begin_state(batch_size, seen=seen):
            seen.append(f"begin {batch_size}")
            return "0"

        def detach(state, seen=seen):
            seen.append(f"detach {state}")
            return f"d{state}"

        def step(X, Y, state, seen=seen):
            seen.append(f"step {state}")
            return np.float32(0), "1"

        loop.train_epoch([(X, Y)] * 3, begin_state, detach, step, use_random_iter)
        assert seen == expected


def test_perplexity_weighs_by_tokens():
    """exp of the mean loss per token, not of the mean over minibatches."""
    losses = iter([1.0, 4.0])
    minibatches = [(np.zeros((1, 3)), np.zeros((1, 3))), (np.zeros((1, 1)), np.zeros((1, 1)))]
    perplexity, _ = loop.train_epoch(minibatches, lambda n: 0, lambda s: s, lambda X, Y, s: (next(losses), s), False)
    # By tokens 5.75, to some roundings of float64; by minibatches it would be 12.2.
    assert perplexity == pytest.approx(np.exp((3 * 1 + 4) / 4))


def test_a_loss_that_is_not_finite_stops_and_is_placed():
    """Epoch, minibatch and gradient norm; and the parameters are those from before."""
    net = model(vocab_size=10)
    net.params = net.params._replace(b_q=np.array([np.nan, *[0] * 9], np.float32))
    before = [p.copy() for p in net.params]
    X = np.zeros((2, 4), int)
    with pytest.raises(FloatingPointError, match=r"minibatch 1: loss: expected a finite number, got nan \(gradient"):
        ref.train_epoch_ch8(net, [(X, X)], 1.0, False)
    with pytest.raises(FloatingPointError, match="epoch 1, minibatch 1: loss"):
        ref.train_ch8(net, [(X, X)], ref.Vocab("time travel"), 1.0, 2)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, net.params, strict=True))


def test_prediction_warms_up_and_is_greedy(data):
    """Character by character, from calls of the model itself."""
    _, vocab = data
    net = model(vocab_size=len(vocab), num_hiddens=8, seed=3)
    net.params = net.params._make(p * 50 for p in net.params)
    state, text = net.begin_state(1), "the "
    for character in text:
        outputs, state = net(np.array([[vocab[character]]]), state)
    for _ in range(5):
        text += vocab.to_tokens(int(outputs[0].argmax()))
        outputs, state = net(np.array([[vocab[text[-1]]]]), state)
    assert ref.predict_ch8("the ", 5, net, vocab) == text


@pytest.mark.parametrize(("prefix", "words"), [
    ("", "prefix: expected at least one character, got none"),
    ("tÉa", "prefix: 'É' at index 1 of 'tÉa' is not in the vocabulary"),
])
def test_a_bad_prefix_is_named(prefix, words, data):
    """The character and its place."""
    with pytest.raises(ValueError, match="prefix") as refusal:
        ref.predict_ch8(prefix, 3, model(vocab_size=len(data[1])), data[1])
    assert str(refusal.value) == words


@pytest.mark.parametrize("num_preds", [-1, 1.5, "3", None])
def test_a_number_of_characters_is_named(num_preds, data):
    """None to write is a wish like any other, fewer is not."""
    net, vocab = model(vocab_size=len(data[1])), data[1]
    assert ref.predict_ch8("t", 0, net, vocab) == "t"
    with pytest.raises(ValueError, match="num_preds: expected an integer of at least 0, got"):
        ref.predict_ch8("t", num_preds, net, vocab)


def test_what_train_ch8_prints(data, capsys):
    """A sample every ten epochs, then perplexity, speed, device and two samples."""
    train_iter, vocab = data
    ref.train_ch8(model(vocab_size=len(vocab), num_hiddens=4), train_iter, vocab, 1.0, 11)
    sample, summary, *last = capsys.readouterr().out.splitlines()
    assert sample.startswith("time traveller") and len(sample) >= len("time traveller") + 50
    assert summary.startswith("perplexity ") and summary.endswith(" tokens/s on cpu")
    assert [text[:9] for text in last] == ["time trav", "traveller"]


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True])
def test_epochs_are_positive(epochs, data):
    """Nothing is trained before."""
    with pytest.raises(ValueError, match="num_epochs: expected an integer of at least 1"):
        ref.train_ch8(model(), data[0], data[1], 1.0, epochs)


def test_accumulator_and_timer():
    """Sums, and laps in seconds."""
    sums = ref.Accumulator(2)
    sums.add(1, 2)
    sums.add(np.float32(0.5), 3)
    assert (sums[0], sums[1]) == (1.5, 5.0)
    sums.reset()
    assert (sums[0], sums[1]) == (0.0, 0.0)
    timer = ref.Timer()
    lap = timer.stop()
    timer.start()
    timer.stop()
    assert 0 <= lap <= timer.sum() == timer.cumsum()[-1]
    assert timer.avg() == pytest.approx(timer.sum() / 2)  # but for float64's rounding


def test_the_animator_keeps_and_draws(tmp_path):
    """Points of several curves, None left out; PNG and SVG by the file's ending."""
    animator = ref.Animator(xlabel="epoch", ylabel="perplexity", legend=["a", "b"], xlim=[10, 10])
    animator.add(1, [2.0, None])
    animator.add(2, (3.0, 4.0))
    assert (animator.X, animator.Y) == ([[1, 2], [2]], [[2, 3], [4]])
    animator.save(tmp_path / "curve.png", tmp_path / "curve.svg")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "curve.svg").read_text()


@pytest.mark.parametrize(("sizes", "name"), [((0, 4), "vocab_size"), ((3, 0), "num_hiddens")])
def test_a_model_refuses_sizes_before_it_asks_for_parameters(sizes, name):
    """Whatever function makes them."""
    with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
        ref.RNNModelScratch(*sizes, lambda *_: None, *CELLS["lstm"][1:])


@pytest.fixture
def clock(monkeypatch):
    """A clock that shows the times it is given."""
    def shows(*times):
        ticks = iter(times)
        monkeypatch.setattr("lstm_ref.loop.time.perf_counter", lambda: next(ticks))

    return shows


def test_laps_are_differences_of_the_clock(clock):
    """Each from its own start; plain numbers."""
    clock(10.0, 13.0, 20.0, 21.0)
    timer = ref.Timer()
    assert timer.stop() == 3.0
    timer.start()
    assert timer.stop() == 1.0
    assert (timer.times, timer.sum(), timer.avg(), timer.cumsum()) == ([3.0, 1.0], 4.0, 2.0, [3.0, 4.0])
    assert {type(total) for total in timer.cumsum()} == {float}


def test_sums_are_plain_numbers():
    """Whatever is added, so that nothing of a framework is kept and no digits are lost."""
    sums = ref.Accumulator(2)
    sums.add(np.float32(0.1), np.float32(1))
    assert {type(total) for total in sums.data} == {float}
    with pytest.raises(ValueError, match="zip"):
        sums.add(1)


def test_an_epoch_in_numbers(clock):
    """Perplexity in double precision from losses of any precision; tokens per second."""
    clock(5.0, 7.0)
    X = np.zeros((1, 3), int)
    perplexity, speed = loop.train_epoch([(X, X)] * 2, lambda n: 0, lambda s: s,
                                         lambda X, Y, s: (np.float32(0.1), s), False)
    assert perplexity == pytest.approx(np.exp(float(np.float32(0.1))), rel=1e-13)  # far below float32's rounding
    assert speed == 3.0


@pytest.mark.parametrize("samples", [True, False])
def test_a_run_in_its_own_words(samples, capsys):
    """Every epoch once, every tenth drawn and, with samples, shown; then the last one's figures and two samples."""
    epochs, drawn, asked = [], [], []

    class Drawing:
        def add(self, x, ys):
            drawn.append((x, ys))

    def epoch():
        epochs.append(len(epochs) + 1)
        return epochs[-1] + 0.04, 30.06

    def predict(prefix):
        asked.append(prefix)
        return f"<{prefix}>"

    loop.train(20, epoch, predict, Drawing(), "a device", *([] if samples else [False]))
    assert epochs == list(range(1, 21))
    assert drawn == [(10, [10.04]), (20, [20.04])]
    assert asked == ["time traveller"] * (2 * samples) + ["time traveller", "traveller"]
    assert capsys.readouterr().out.splitlines() == [
        *["<time traveller>"] * (2 * samples), "perplexity 20.0, 30.1 tokens/s on a device", "<time traveller>",
        "<traveller>"]


@pytest.mark.parametrize("use_random_iter", [True, False, None])
def test_what_train_ch8_hands_to_the_loop(use_random_iter, monkeypatch):
    """The epochs, the drawing, an epoch at the rate given, samples of fifty characters."""
    handed = {}

    def train(num_epochs, epoch, predict, animator, device):
        handed.update(num_epochs=num_epochs, epoch=epoch, predict=predict, animator=animator, device=device)

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr("lstm_ref.model.Animator", lambda **drawing: drawing)
    X, Y = np.random.default_rng(0).integers(0, 4, (2, 3, 5))
    minibatches, vocab = [(X, Y), (Y, X)], ref.Vocab("time travel")
    net, other = (model(vocab_size=10, num_hiddens=6) for _ in range(2))
    ref.train_ch8(net, minibatches, vocab, 0.5, 7, *([] if use_random_iter is None else [use_random_iter]))
    assert (handed["num_epochs"], handed["device"]) == (7, "cpu")
    assert handed["animator"] == {"xlabel": "epoch", "ylabel": "perplexity", "legend": ["train"], "xlim": [10, 7]}
    perplexity, _ = handed["epoch"]()
    assert perplexity == ref.train_epoch_ch8(other, minibatches, 0.5, bool(use_random_iter))[0]
    assert all(map(np.array_equal, net.params, other.params))
    assert len(vocab[list(handed["predict"]("te").replace("<unk>", "?"))]) == 2 + 50


def test_a_call_is_the_forward_pass_on_encoded_tokens():
    """Step-major, in the precision of the first parameter; the initial state likewise."""
    net, X = model(vocab_size=4, num_hiddens=6), np.array([[0, 1, 3], [2, 2, 1]])
    state = net.begin_state(2)
    outputs, _ = net(X.tolist(), state)
    assert np.array_equal(outputs, ref.lstm(ref.one_hot(X.T, 4), state, net.params)[0])
    net.params = net.params._replace(W_hi=net.params.W_hi.astype(float))
    assert {array.dtype for array in net.begin_state(2)} == {np.dtype(np.float32)}
    with pytest.raises(ValueError, match=r"params\[1\] \(W_hi\): expected dtype float32"):
        net(X, state)


def test_a_prediction_reads_every_character_once():
    """The prefix one by one, then what it writes; plain integers, and the state of each step is passed to the next."""
    seen, vocab = [], ref.Vocab("abc")

    def step(token, state):
        seen.append((token, state))
        return np.eye(4)[(token + 1) % 4], state + 1

    assert loop.predict("acb", 3, vocab, 10, step) == "acbc<unk>a"
    assert seen == [(1, 10), (3, 11), (2, 12), (3, 13), (0, 14)]
    assert {type(token) for token, _ in seen} == {int}


def test_words_are_read_and_written_with_spaces():
    """A prefix of words is a list."""
    vocab = ref.Vocab(["one", "two", "three"])

    def step(token, state):
        return np.eye(4)[(token + 1) % 4], state

    assert loop.predict(["two", "three"], 3, vocab, None, step) == "two three <unk> one two"
    with pytest.raises(ValueError, match=r"^prefix: 'four' at index 1 of \['one', 'four'\] is not in the vocabulary$"):
        loop.predict(["one", "four"], 3, vocab, None, step)
    with pytest.raises(ValueError, match=r"^prefix: expected at least one token, got none$"):
        loop.predict([], 3, vocab, None, step)


@pytest.mark.parametrize("alpha", [0, 0.5, 1, 2, 50])
def test_tokens_are_drawn_with_the_powers_of_their_probabilities(alpha):
    """Pearson's chi-square of 20,000 draws against p^alpha / sum(p^alpha), which is below 33.4 with 0.99999."""
    outputs = np.array([2.0, -1.0, 0.5, 1.9, 0.0, -2.0, 1.0], np.float32)
    powers = (np.exp(outputs.astype(float)) / np.exp(outputs.astype(float)).sum()) ** alpha
    expected = 20_000 * powers / powers.sum()
    rng = np.random.default_rng(0)
    found = np.bincount([loop.draw_token(outputs, alpha, rng) for _ in range(20_000)], minlength=7)
    often = expected > 5
    pooled = [np.append(counts[often], counts[~often].sum()) for counts in (found, expected)]
    kept = pooled[1] > 0

    def chi_square(found):
        return ((found - pooled[1])[kept] ** 2 / pooled[1][kept]).sum()

    assert chi_square(pooled[0]) < 33.4
    assert alpha == 0 or chi_square(pooled[0][::-1]) > 33.4, "it can fail"


def test_a_huge_exponent_takes_the_most_likely():
    """Without an overflow."""
    assert {loop.draw_token(np.array([-900.0, 900.0, 899.0]), 1e6, np.random.default_rng(0)) for _ in range(50)} == {1}


def test_a_drawn_prediction_has_a_seed(data):
    """The same text with the same seed, another with another; and the most likely one without an exponent."""
    net, vocab = model(vocab_size=len(data[1])), data[1]
    one, same, other = (ref.predict_ch8("the", 30, net, vocab, 1, seed) for seed in (0, 0, 1))
    assert one == same != other and one.startswith("the")
    assert ref.predict_ch8("the", 30, net, vocab, 1e9, 3) == ref.predict_ch8("the", 30, net, vocab)
    for alpha in (-1, float("nan"), "2"):
        with pytest.raises(ValueError, match=r"^alpha: expected a finite number of at least 0, got"):
            ref.predict_ch8("the", 3, net, vocab, alpha)
