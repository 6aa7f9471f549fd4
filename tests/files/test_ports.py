"""Files in the shapes in which people write them are judged as they are: right, or wrong at the line that is."""

import re
from pathlib import Path

from lstm_ref.parity.files.chosen import Choice, chosen
from lstm_ref.parity.files.judged import judge_port

PORTS = Path(__file__).parent / "ports"
RIGHT = {"numpy": ["gates.py", "kept.py", "tuples.py", "globals.md", "own_state.py",
                   "gru.py"],
         "mxnet": ["chapter.md", "first_edition.py"],
         "torch": ["chapter.md", "nested.py", "layers.py", "packed.py", "numbered.py", "unnamed.py",
                   "zeroed.py", "gru_layer_form.py"],
         "tensorflow": ["chapter.md", "keras_layer.py", "dense.py", "graph_era.py"],
         "jax": ["chapter.md", "compact.py", "set_up.py"], "paddle": ["chapter.md"]}
WRONG = {  # by framework: file, role that is wrong, line, and words
    "numpy": [("statements.md", "lstm step", 15, "without the sigmoid"), ("coupled.py", "lstm", 28, "1 - F for I"),
              ("warmup.py", "the file", 25, "the new state is thrown away"),
              ("after_loop.py", "lstm", 19, "the last step's alone"),
              ("gate_objects.py", "lstm", 40, "goes from step to step")],
    "torch": [("two_biases.py", "lstm", 19, "first of its two biases twice"),
              ("unread.py", "lstm step", 6, "never read"), ("turned.ipynb", "lstm", 200008, "W on the right"),
              ("twice.py", "get_lstm_params", 15, "W_hf stands twice"), ("training.py", "train_epoch_ch8", 0, "state"),
              ("orders.py", "the file", 22, "taken apart as i, f, c, o"),
              ("in_vain.py", "the file", 24, "the update comes before"),
              ("gru_shares.py", "gru", 4, "Z and 1 - Z exchanged")],
    "jax": [("dot.py", "lstm step", 20, "element by element")],
}
#: Ten mistakes, each made by hand in a chapter's tab: text and what stands in its place, and the words that name it.
MADE = {
    "torch.tanh(X @ W_xc": ("torch.sigmoid(X @ W_xc", "sigmoid for tanh in the candidate"),
    "F = torch.sigmoid(X @ W_xf + H @ W_hf + b_f)": ("F = torch.sigmoid(X @ W_xi + H @ W_hi + b_i)", "the input gate"),
    "O = torch.sigmoid(X @ W_xo + H @ W_ho + b_o)": ("O = torch.sigmoid(X @ W_xo + H @ W_ho)", "without the bias"),
    "C = F * C + I * C_tilda": ("C = I * C + F * C_tilda", "F and I exchanged"),
    "F * C + I * C_tilda": ("F * C + C_tilda", "without I"),
    "H = O * torch.tanh(C)": ("H = O * C", "without the tanh"),
    "O * torch.tanh(C)": ("O * torch.sigmoid(C)", "sigmoid for tanh"),
    "H @ W_hq + b_q": ("H @ W_hq", "without b_q"),
    "I = torch.sigmoid(X @ W_xi + H @ W_hi + b_i)": ("I = torch.sigmoid(X @ W_xi + H @ W_hf + b_i)", "W_h"),
    "Y = H @ W_hq": ("Y = C @ W_hq", "from C"),
}


def pytest_generate_tests(metafunc):
    framework = metafunc.config.option.written_in
    if "right" in metafunc.fixturenames:
        metafunc.parametrize("right", RIGHT.get(framework, []))
    if "wrong" in metafunc.fixturenames:
        metafunc.parametrize("wrong", WRONG.get(framework, []), ids=lambda wrong: wrong[0])
    if "raising" in metafunc.fixturenames:
        metafunc.parametrize("raising", ["training.py"] if framework == "torch" else [])
    if "made" in metafunc.fixturenames:
        metafunc.parametrize("made", MADE.items() if framework == "torch" else [], ids=lambda made: made[1][1])


def judged(path, framework):
    """The verdicts on a file's ports in one framework, in this process."""
    found = [each for each in chosen(path, Choice()) if each.package.partition(".")[0] == framework]
    assert found, f"{path} has nothing in {framework}"
    return [judge_port(each.contents, each.form, each.package, "cpu", ("ragged", "square")) for each in found]


def test_a_right_port_is_right(right, request):
    """In every shape, without a line changed."""
    for verdict in judged(PORTS / right, request.config.option.written_in):
        assert verdict.status == "right", verdict.rows


def test_a_wrong_port_is_wrong_at_its_line(wrong, request):
    """With the role, the line, and what it computes there."""
    name, role, line, words = wrong
    for verdict in judged(PORTS / name, request.config.option.written_in):
        rows = {row.role: row for row in verdict.rows if row.verdict == "wrong"}
        assert {*rows} == {role}, verdict.rows
        assert words in rows[role].text and (not line or rows[role].line == line), rows[role]


def test_a_mistake_in_a_chapter_is_named_at_its_line(made, tmp_path):
    """Each of ten, put into the tab by hand."""
    old, (new, words) = made
    text = (PORTS / "chapter.md").read_text()
    start = text.index("#@tab pytorch\ndef")
    at = text.index(old, start)
    path = tmp_path / "chapter.md"
    path.write_text(text[:at] + new + text[at + len(old):])
    row = judged(path, "torch")[0].rows[0]
    assert row.verdict == "wrong" and row.line == text[:at].count("\n") + 1, row
    assert re.search(re.escape(words), row.text), row


def test_after_an_exception_the_next_role_has_a_process_of_its_own(raising, tmp_path):
    """What raises may leave a framework in disorder."""
    text, asked = (PORTS / raising).read_text(), []
    path = tmp_path / "training.py"
    path.write_text(text.replace("def grad_clipping(net, theta):\n", "def grad_clipping(net, theta):\n    net.lost\n"))
    assert path.read_text() != text
    port = chosen(path, Choice())[0]
    found = judge_port(port.contents, port.form, port.package, "cpu", ("ragged",), anew=lambda role: asked.append(role))
    roles = list(port.contents.functions)
    assert asked == roles[roles.index("grad_clipping") + 1:] and asked, (asked, found.rows)
