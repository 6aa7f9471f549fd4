"""The mutation tool: what it changes, that a mutant is killed, and that a run stops, resumes and reports the truth."""

import ast
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "mutants"))

import process  # noqa: E402
from explained import Entry, read, stale  # noqa: E402
from mutate import Mutant, mutants, mutants_of  # noqa: E402
from operators import OPERATORS  # noqa: E402
from process import Process  # noqa: E402
from session import Backend, NotGreenError, Queue, run  # noqa: E402
from summary import tell  # noqa: E402
from targets import files_of  # noqa: E402

SNIPPET = '''
"""Not 1 mutant of + this."""
import numpy as np
GATES = "ifco"

@decorated
def step(X: Array[1 + 1], H, W_xi, theta=1, scale=0.01, flag=False):
    """Nor of 2 * this."""
    if theta > 0 and not flag:
        raise ValueError(f"theta: expected {1 + 1}")
    H = np.tanh(X @ W_xi.T + H, axis=0)
    with np.errstate(over="ignore"):
        check(theta, X)
    for a, b in zip(X, H, strict=True):
        H *= a.mean()
    return H, -X
'''


def test_the_same_source_gives_the_same_mutants():
    """Each differs from the source and from the others; every operator has its turn."""
    found = mutants(SNIPPET, "snippet.py")
    assert found == mutants(SNIPPET, "snippet.py")
    assert {mutant.operator for mutant in found} == set(OPERATORS)
    assert len({mutant.id for mutant in found}) == len({mutant.source for mutant in found}) == len(found)
    for mutant in found:
        compile(mutant.source, "mutant", "exec")


def test_an_id_does_not_hang_on_the_line():
    """A comment or a new function above leaves the explanations of a survivor as they are."""
    moved = mutants("# a comment\n\ndef other():\n    return None\n" + SNIPPET, "snippet.py")
    assert [mutant.id for mutant in moved] == [mutant.id for mutant in mutants(SNIPPET, "snippet.py")]
    assert moved[-1].line > mutants(SNIPPET, "snippet.py")[-1].line


@pytest.mark.parametrize(("old", "new"), [
    (".T + H", ".T - H"), ("W_xi.T + H", "W_xi.T"), ("W_xi.T + H", "W_xi + H"), ("@ W_xi", "@ W_xf"),
    ("@ W_xi.T", "@ W_xi.T.T"), ("theta > 0", "theta >= 0"), ("0 and not", "0 or not"), ("not flag", "flag"),
    ("theta > 0 and not flag", "True"), ("ifco", "fico"), ("0.01", "0.02"), ("theta=1", "theta=2"),
    ("axis=0", "axis=1"), (", axis=0", ""), ("flag=False", "flag=True"),
    ("raise ValueError(f\"theta: expected {1 + 1}\")", "pass"),
    ("@decorated", ""), ("with np.errstate(over=\"ignore\")", "if True"), ("check(theta, X)", "pass"),
    ("check(theta, X)", "check(X, theta)"), ("a.mean()", "a"), ("a.mean()", "a.sum()"), ("*=", "/="),
    ("H *= a.mean()", "pass"), ("return H, -X", "return -X, H"), ("return H", "return C"), ("-X", "X"), ("tanh", "sin"),
])
def test_what_is_changed(old, new):
    """A few of each kind."""
    whole = {ast.unparse(ast.parse(mutant.source)) for mutant in mutants(SNIPPET, "snippet.py")}
    assert ast.unparse(ast.parse(SNIPPET.replace(old, new, 1))) in whole


def test_what_is_left_alone():
    """Docstrings, annotations, imports, the texts of errors and zip's own guard."""
    found = " ".join(mutant.change for mutant in mutants(SNIPPET, "snippet.py"))
    assert not any(text in found for text in ("Not 1", "Nor of", "1 - 1", "expected {2", "strict=False"))


def test_a_wrong_lstm_is_killed_in_the_worker(tmp_path, truths):
    """By the suite itself, in a process whose judge is unmutated; what does not import is killed as well."""
    (tmp_path / "truth").symlink_to(truths)
    wrong, = (mutant for mutant in mutants_of(ROOT, ["lstm_ref/lstm.py"])
              if mutant.change == "F * C + I * C_tilda → F * C - I * C_tilda")
    first = "tests/parity/test_checks.py::checks::forward[scratch-tiny-float64]"
    worker = Process("numpy", sys.executable, tmp_path)
    try:
        by = [worker.ask({"file": wrong.file, "source": source, "order": {first: -1.0}}, 120)["by"]
              for source in (wrong.source, "import no_such_module")]
    finally:
        worker.close()
    assert by[0] == first
    assert by[1].startswith("import: ModuleNotFoundError: No module named 'no_such_module'")


#: Answers according to the source; writes down what it was asked.
WORKER = '''
import json, os, sys, time
poisoned = False
for line in sys.stdin:
    source = json.loads(line)["source"]
    with open(sys.argv[1], "a") as file:
        print(source, file=file)
    if source == "crash":
        os._exit(7)
    if source == "hang":
        time.sleep(60)
    by = "tests/x.py::test_x" if poisoned or source not in ("", "equivalent") else None
    poisoned = poisoned or source == "poison"
    print(json.dumps({"by": by, "seconds": 0, "tests": {"tests/x.py::test_x": 0.01}}), flush=True)
'''
SOURCES = ("killed", "crash", "hang", "other", "equivalent")


@pytest.fixture
def backend(tmp_path, monkeypatch):
    """A backend whose worker is the one above."""
    monkeypatch.setattr("session.LIMIT_SECONDS", 1.5)
    monkeypatch.setattr("session.FEW", 0)
    (tmp_path / "worker.py").write_text(WORKER)

    def make(sources=SOURCES):
        found = [Mutant("backends/torch/x.py", "f", i + 1, "name", f"a → {source}", source)
                 for i, source in enumerate(sources)]
        command = [sys.executable, str(tmp_path / "worker.py"), str(tmp_path / "asked")]
        return Backend("torch", "", found, tmp_path / "build", command=command)

    return make


def test_a_crash_and_a_hang_are_kills_and_take_nobody_along(backend):
    """The worker is started again, and the others are judged as if nothing had happened."""
    judged, advanced = backend(), []
    run([judged], 2, advanced.append)
    by = {mutant.source: judged.results[mutant.id] for mutant in judged.mutants}
    assert by == {"killed": "tests/x.py::test_x", "other": "tests/x.py::test_x", "equivalent": None,
                  "crash": "crash (exit status 7)", "hang": "time limit of 2 s"}
    assert len(advanced) == 5


def test_an_interrupted_run_goes_on(backend, tmp_path, monkeypatch):
    """Only what is missing is computed, a broken last line or not; after a change of the code that is everything."""
    done = []

    def interrupt(_):
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    sources = ("killed", "other", "equivalent")
    with pytest.raises(KeyboardInterrupt):
        run([backend(sources)], 1, interrupt)
    again = backend(sources)
    assert [mutant.source for mutant in again.left] == ["equivalent"]
    with (tmp_path / "build" / "torch.jsonl").open("a") as file:
        file.write('{"id": "tor')
    (tmp_path / "asked").unlink()
    run([backend(sources)], 1, lambda _: None)
    assert (tmp_path / "asked").read_text().split() == ["equivalent"], "and no test that killed, to be tried again"
    assert backend(sources).left == []
    monkeypatch.setattr("session.key", lambda *_: "the key of other code")
    assert len(backend(sources).left) == 3


def test_what_a_mutant_leaves_behind_kills_nobody(backend):
    """The tests that killed have to pass afterwards without a mutation; else each is judged in a process of its own."""
    judged = backend(("killed", "poison", "equivalent", "other"))
    run([judged], 1, lambda _: None)
    for results in (judged.results, backend(("killed", "poison", "equivalent", "other")).results):
        assert [mutant.source for mutant in judged.mutants if results[mutant.id] is None] == ["equivalent"]


def test_checks_that_fail_without_mutation_are_refused(backend, monkeypatch):
    """In words; nothing can be said about mutants then."""
    monkeypatch.setattr("session.Process.ask", lambda *_: {"by": "tests/x.py::test_x", "tests": {}})
    with pytest.raises(NotGreenError, match=r"torch: the checks fail without any mutation, in tests/x.py::test_x"):
        run([backend()], 1, lambda _: None)


def test_a_few_are_judged_without_the_unmutated_source(backend, tmp_path, monkeypatch):
    """What killed them has to pass without a mutation all the same; a crash is no test that could."""
    monkeypatch.setattr("session.FEW", 5)
    run([backend(("killed", "equivalent"))], 1, lambda _: None)
    assert (tmp_path / "asked").read_text() == "killed\nequivalent\n\n"
    monkeypatch.setattr("session.Process.ask", lambda *_: {"by": "crash", "seconds": 1, "tests": {}})
    with pytest.raises(NotGreenError, match="the checks fail without any mutation, in crash"):
        run([backend(("crash",))], 1, lambda _: None)


def test_a_few_have_the_order_of_the_last_parity_run(backend, tmp_path, monkeypatch):
    """The quickest tests first; without such a run, as they are collected."""
    monkeypatch.setattr("session.FEW", 5)
    few = backend(("killed",))
    assert few.order(few.mutants[0]) == {}
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "torch.xml").write_text(
        '<testsuites><testcase classname="tests.parity.test_checks.checks" name="state[scratch-tiny-float32]" '
        'time="0.5"/><testcase classname="tests.tabs.test_half" name="test_half[fused]" time="2"/></testsuites>')
    few = backend(("killed",))
    assert few.order(few.mutants[0]) == {
        "tests/parity/test_checks.py::checks::state[scratch-tiny-float32]": 0.5,
        "tests/tabs/test_half.py::test_half[fused]": 2}


def test_a_few_that_all_fail_are_no_kills(backend, tmp_path, monkeypatch):
    """Where the checks fail without a mutation as well."""
    monkeypatch.setattr("session.FEW", 5)
    (tmp_path / "worker.py").write_text(WORKER.replace("poisoned = False", "poisoned = True"))
    with pytest.raises(NotGreenError, match=r"the checks fail without any mutation, in tests/x.py::test_x"):
        run([backend(("killed", "other"))], 1, lambda _: None)


def test_workers_go_to_different_backends(backend):
    """Each imports its framework once, as long as there are as many backends as workers."""
    one, other = backend(("killed", "killed", "killed")), backend(("other",))
    other.name = "jax"
    queue = Queue([one, other])
    assert queue.next(None)[0] is one and queue.next(None)[0] is other
    assert queue.next(one)[0] is one and queue.next(other)[0] is one and queue.next(one) is None


def summary(judged, entries):
    out = io.StringIO()
    good = tell([judged], entries, judged.mutants, Console(file=out, width=200))
    return good, out.getvalue()


def test_a_survivor_has_to_be_explained(backend):
    """Then the run is a success; an explanation of what is killed, or of nothing, is stale."""
    judged = backend(["killed"] * 1 + ["equivalent"])
    run([judged], 1, lambda _: None)
    entry = Entry(("backends/*/x.py",), ("f",), ("a → equivalent",), "it is the same")
    good, text = summary(judged, [])
    assert not good
    assert "backends/torch/x.py:2 survived in f" in text and "  - a\n  + equivalent\n" in text
    good, text = summary(judged, [entry])
    assert good and "survived in" not in text and "100.0%" in text
    for functions, changes, words in ((("f",), ("a → equivalent", "a → killed"), "is killed by tests/x.py"),
                                      (("f",), ("a → equivalent", "a → gone"), "has the change 'a → gone'"),
                                      (("f", "g"), ("a → equivalent",), "has the function 'g'")):
        good, text = summary(judged, [Entry(entry.files, functions, changes, "no")])
        assert not good and "equivalent.toml is stale" in text and words in text


def test_a_run_that_is_not_complete_is_no_success(backend):
    """Even if all that was judged is killed."""
    judged = backend(["killed"])
    assert summary(judged, [])[0] is False
    run([judged], 1, lambda _: None)
    assert summary(judged, [])[0] is True


def test_the_explanations_speak_of_mutants_that_exist():
    """Every entry has a reason, and each of its files, functions and changes is that of a mutant."""
    everything = [m for name in ("numpy", "torch", "tensorflow", "jax", "mxnet", "paddle")
                  for m in mutants_of(ROOT, files_of(name))]
    assert stale(read(), everything, {}) == []
    assert all(len(entry.reason) > 20 for entry in read())


def test_an_explanation_without_a_reason_is_refused(tmp_path):
    """So is one with a part missing."""
    path = tmp_path / "equivalent.toml"
    path.write_text('[[equivalent]]\nfiles = ["a"]\nfunctions = ["f"]\nchanges = ["x → y"]\nreason = ""\n')
    with pytest.raises(ValueError, match=r"equivalent.toml: entry 1 needs files, functions, changes and a reason"):
        read(path)


def test_results_are_whole_lines(backend, tmp_path):
    """Each with what killed the mutant and the key of all that it depends on."""
    run([backend(["killed"])], 1, lambda _: None)
    green, result = map(json.loads, (tmp_path / "build" / "torch.jsonl").read_text().splitlines())
    assert green["id"] == "green" and result["by"] == "tests/x.py::test_x"
    assert len(result["key"]) == 16 and result["change"] == "a → killed"
    assert process.LIFE > 1
