"""The judge from outside: the pytest plugin and the commands, from a folder that holds nothing but somebody's file."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

PORT = '''
from lstm_ref import lstm


def wrong(inputs, state, params):
    outputs, (H, C) = lstm(inputs, state, params)
    return outputs, (C, H)
'''
ADAPTER = '''
from lstm_ref.parity.reference import Reference


class Adapter:
    def __init__(self, device):
        self.implementations = {"mine": Reference()}

    def version(self):
        return "7"


class Half:
    def forward(self, inputs, state, params):
        return inputs, state


class Incomplete(Adapter):
    def __init__(self, device):
        self.implementations = {"half": Half()}


class Nothing:
    def __init__(self, device):
        pass
'''


@pytest.fixture
def run(tmp_path, truths):
    """Runs a module's command in a folder with the two files above; returns exit status and output."""
    (tmp_path / "port.py").write_text(PORT)
    (tmp_path / "adapter.py").write_text(ADAPTER)
    (tmp_path / "test_theirs.py").write_text("def test_theirs():\n    assert True\n")
    (tmp_path / "cache" / "lstm_parity").mkdir(parents=True)
    (tmp_path / "cache" / "lstm_parity" / "truth").symlink_to(truths)

    def run(*arguments):
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=tmp_path, text=True, capture_output=True,
                              env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}, check=False)
        assert "INTERNALERROR" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


FEW = ("-q", "-k", "ragged")


def test_the_plugin_is_quiet_unless_asked(run):
    """Somebody's own tests are theirs alone."""
    status, text = run("pytest", "-q")
    assert status == 0 and "1 passed" in text and "lstm" not in text.lower()


def test_a_function_is_collected_as_items(run, tmp_path):
    """One a check, case and precision, without the tests that are there; JUnit and -k as always."""
    status, text = run("pytest", "--parity", "port:lstm", "--framework", "numpy", "--junit-xml=j.xml", *FEW)
    assert status == 0, text
    assert re.search(r"8 passed, \d+ deselected", text)
    assert 'name="forward[port-ragged-float32]"' in (tmp_path / "j.xml").read_text()
    status, text = run("pytest", "--parity", "port:lstm", "--framework", "numpy", "test_theirs.py", "-q")
    assert status == 1 and "1 passed" in text, "a run that judged nothing is no pass"


def test_a_wrong_function_fails_in_words(run, tmp_path):
    """With the command that runs one item again and a program that shows the fault."""
    status, text = run("pytest", "--parity", "lstm=port:wrong", "--framework", "numpy", *FEW)
    assert status == 1
    again = 'again: pytest --parity lstm=port:wrong --framework numpy -k "forward[port-ragged-float32]"'
    for words in ("this mistake: state returned as (C, H)", "Fix:", again, "reproduce: python build/parity/repro/"):
        assert words in text, text
    # At once, and once, before the words.
    first, _, rest = text.partition("fails: ")
    assert rest.startswith("forward[port-ragged-float32]: ") and "diagnosis" not in first and "fails: " not in rest
    program = next((tmp_path / "build" / "parity" / "repro").glob("*forward.py"))
    done = subprocess.run([sys.executable, program], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 1 and "expected" in done.stdout, done.stderr


@pytest.mark.parametrize(("arguments", "words"), [
    (("--parity", "nowhere:lstm", "--framework", "numpy"), "nowhere:lstm: there is no module 'nowhere' in"),
    (("--parity", "port:lsmt", "--framework", "numpy"), "port:lsmt: port has no 'lsmt'"),
    (("--parity", "port:wrong", "--framework", "numpy"), "say which it is, as lstm=port:wrong"),
    (("--parity", "port:lstm"), "framework: say which"),
    (("--parity", "port:lstm", "--framework", "numpy", "--backend", "numpy"), "--parity and --backend: give one"),
    (("--backend", "adapter:Missing"), "adapter:Missing: adapter has no 'Missing'"),
    (("--backend", "adapter:Nothing"), "adapter:Nothing has no implementations and no version"),
    (("--backend", "adapter:Incomplete"), "implementation 'half' (Half) has no get_params, no init_state"),
])
def test_what_can_not_be_loaded_gets_a_sentence(arguments, words, run):
    """A usage error, before anything is collected."""
    status, text = run("pytest", *arguments)
    assert status == 4 and words in text, text


def test_an_incomplete_adapter_is_shown_what_to_write(run):
    """In three lines."""
    _, text = run("pytest", "--backend", "adapter:Incomplete")
    assert "class Half:\n        not_judged = {" in text


def test_somebodys_backend_is_judged_by_its_address(run, tmp_path):
    """By the suite's own runner; report and program take it too."""
    arguments = ("--build", str(tmp_path / "b"), "-q", "-k", "state or sampling")
    status, text = run("lstm_ref", "run", "adapter:Adapter", *arguments)
    assert status == 0, text
    assert "19 passed" in text
    status, text = run("lstm_ref", "report", "adapter.Adapter", "--build", str(tmp_path / "b"))
    assert status == 0 and "adapter.Adapter" in text and "pass (part)" in text


@pytest.mark.parametrize(("target", "status", "words"), [
    ("port:lstm", 0, "verdict     pass"), ("lstm=port:wrong", 1, "WRONG"), ("port:lsmt", 2, "port has no 'lsmt'")])
def test_the_command_judges(target, status, words, run):
    """0 right, 1 wrong, 2 not judged."""
    found, text = run("lstm_ref", "judge", target, "--framework", "numpy", "--", *FEW)
    assert found == status and words in text, text


@pytest.mark.parametrize(("arguments", "words"), [
    (("lstm_ref", "judge", "port:lstm", "--framework", "numpy", "--time-limit", "0"), "--time-limit: expected seconds"),
    (("lstm_ref.parity", "train"), "invalid choice: 'train'"),
    (("lstm_ref", "report", "numpy", "--frobnicate"), "unknown arguments: --frobnicate"),
])
def test_a_wrong_command_is_refused(arguments, words, run):
    """With exit status 2."""
    status, text = run(*arguments)
    assert status == 2 and words in text, text


def test_a_suite_with_options_of_the_same_names_keeps_them(run, tmp_path):
    """--device is everybody's: it is theirs without us, and ours has its default where both are there."""
    (tmp_path / "conftest.py").write_text(
        'def pytest_addoption(parser):\n    parser.addoption("--device", default="tpu")\n'
        '    parser.addoption("--backend")\n')
    (tmp_path / "test_theirs.py").write_text(
        'def test_theirs(request):\n    assert request.config.getoption("--device") == "tpu"\n')
    for arguments in ((), ("--backend", "mine")):
        status, text = run("pytest", "-q", *arguments)
        assert status == 0 and "1 passed" in text, text
    status, text = run("pytest", "--parity", "port:lstm", "--framework", "numpy", *FEW)
    assert status == 0 and "8 passed" in text, text


def test_a_module_may_be_called_lstm(run, tmp_path):
    """It is looked into, not called."""
    (tmp_path / "lstm.py").write_text("from lstm_ref import lstm\n")
    status, text = run("lstm_ref", "judge", "lstm", "--framework", "numpy", "--", *FEW)
    assert status == 0 and "verdict     pass" in text, text


@pytest.mark.parametrize(("source", "words"), [
    ("object().nope", "broken:Adapter: does not import: AttributeError: 'object' object has no attribute 'nope'"),
    ("class Adapter:\n    def __init__(self, device):\n        {}['k']", "its class raised KeyError: 'k'"),
    ("raise SystemExit(0)", "broken:Adapter: does not import: SystemExit: 0"),
    ("class Adapter:\n    def __init__(self, device):\n        exit(0)", "its class raised SystemExit: 0"),
])
def test_a_broken_backend_gets_a_sentence(source, words, run, tmp_path):
    """Whatever it raises, and when."""
    (tmp_path / "broken.py").write_text(source)
    status, text = run("pytest", "--backend", "broken:Adapter")
    assert status == 4 and words in text, text


def test_a_package_that_ends_the_program_is_not_judged(run, tmp_path):
    """Nor taken for one that was."""
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "__init__.py").write_text("raise SystemExit(0)")
    (tmp_path / "gone" / "port.py").touch()
    status, text = run("lstm_ref", "judge", "gone.port:lstm")
    assert status == 2 and "gone.port:lstm: does not import: SystemExit: 0" in text, text
    assert "INTERNALERROR" not in text


def test_a_framework_is_asked_to_forget():
    """Every hundred tests; an adapter from elsewhere need not know how."""
    from lstm_ref.parity.runner.plugin import Judge

    asked = []
    for adapter in (SimpleNamespace(forget=lambda: asked.append(1)), SimpleNamespace(), None):
        judge = Judge(SimpleNamespace(), SimpleNamespace(adapter=adapter), SimpleNamespace(end=str))
        for _ in range(250):
            judge.pytest_runtest_logfinish("a test")
    assert len(asked) == 2
