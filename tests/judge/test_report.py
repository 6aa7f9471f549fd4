"""The report: nothing vacuous passes, and what failed is said."""

import errno
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lstm_ref.files import write_text
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.entry import Entry
from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.explain.words import explain
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.runner.record import Record, read_status, write_status
from lstm_ref.parity.runner.report import merge
from lstm_ref.parity.session import Session
from lstm_ref.parity.table import ROWS, cell, legend
from lstm_ref.parity.verdict import Result


def result(check, verdict="pass", ratio=0.5, quantity="W_hf"):
    return Result(check, "scratch", "book", "float32", quantity, 1e-8, 2e-8, ratio, verdict, "at index (0, 1)")


def passing(folder, backend, leave_out=()):
    entry = Entry(backend)
    entry.fingerprint = {"framework": "9.9", "corpus": "timemachine"}
    entry.expected = [("scratch", check) for check in CHECKS]
    entry.add([result(check) for check in CHECKS if check not in leave_out])
    return Record(entry, folder).finish()


def test_all_passed(tmp_path, capsys):
    """The table names each backend and its worst ratios; the files follow the schema."""
    assert passing(tmp_path, "torch") == "pass"
    assert merge(["torch"], tmp_path)
    printed = capsys.readouterr().out
    assert "torch" in printed and "0.50" in printed and "pass" in printed
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["schema"] == 1 and report["limit"] == 4.0
    assert report["backends"]["torch"]["results"][0]["quantity"] == "W_hf"
    assert "|  | torch |" in (tmp_path / "report.md").read_text()
    assert "| version | 9.9 |" in (tmp_path / "report.md").read_text()


def test_a_backend_that_did_not_run_fails_the_report(tmp_path, capsys):
    """Asked for, and no file or 'not run' in it."""
    passing(tmp_path, "torch")
    assert not merge(["torch", "jax"], tmp_path)
    assert "jax: not run: no jax.json was written" in capsys.readouterr().out
    write_status(tmp_path, "jax", "not run", "needs Python 3.11")
    assert not merge(["torch", "jax"], tmp_path)
    assert "needs Python 3.11" in capsys.readouterr().out


def test_a_known_defect_of_a_framework_is_left_out_and_said(tmp_path):
    """The one case of the one check, in all precisions; it is not credited."""
    Wrong = type("Wrong", (Reference,), {"defects": {"forward on tiny": "its tanh is none"}})

    def forward(implementation):
        session = Session("mine", {"layer": implementation}, tmp_path, dtypes=("float32", "float64"))
        return session, {(p.case, p.dtype) for p in session.problems(["forward"])}

    session, left = forward(Wrong())
    assert forward(Reference())[1] - left == {("tiny", "float32"), ("tiny", "float64")}
    said = legend({"mine": session.entry.json("pass", "")})
    assert "Not judged, since it is known to be wrong: mine layer, forward on tiny: its tanh is none." in said


def test_failures_are_told_by_implementation(tmp_path):
    """Where more than one fails: what is scratch's is not said of concise."""
    entry = Entry("mine")
    entry.add([result("clipping", "rounding"), replace(result("forward", "fail"), implementation="concise")])
    reason = "scratch fails in clipping (book float32); concise fails in forward (book float32)"
    assert entry.status() == ("fail", reason)


def test_without_altair_there_are_no_maps_but_a_report(tmp_path, capsys, monkeypatch):
    """It says so."""
    entry = Entry("torch")
    entry.add([result("forward", "mathematics", 9.0)])
    heat = {"title": "a map", "rows": ["I"], "ratios": [[9.0, 1.0]]}
    entry.causes = {"scratch": {"place": "there", "findings": [], "heat": [heat]}}
    Record(entry, tmp_path).finish()
    monkeypatch.setitem(sys.modules, "lstm_ref.parity.page.charts", None)
    monkeypatch.setitem(sys.modules, "altair", None)
    assert not merge(["torch"], tmp_path)
    assert "The maps were not drawn: they need the extra page" in capsys.readouterr().out
    assert (tmp_path / "report.md").exists() and not list(tmp_path.glob("*.png"))


def test_a_precision_that_is_absent_is_said_in_the_table(tmp_path, capsys):
    """With the reason, and whose it is where others of the backend have it."""
    reason = "absent: no float16 here: no kernel on a CPU"
    for name, labels in (("mxnet", ("scratch", "fused")), ("paddle", ("concise",))):
        entry = Entry(name)
        entry.not_judged = {"scratch": {}, "concise": {}} if name == "paddle" else {}
        entry.not_judged |= {label: {"float16": reason} for label in labels}
        entry.add([result("forward")])
        entry.expected = [("scratch", "forward")]
        assert cell(entry.json("pass", ""), "float16") == "absent"
        Record(entry, tmp_path).finish()
    merge(["mxnet", "paddle"], tmp_path)
    assert f"{reason} (mxnet, paddle concise)." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("thorough", "line"), [
    ({}, "Not judged without --thorough: compiled code (torch.compile, jax.jit and the like), and some checks on "),
    ({"compiled": "torch.compile"}, "With --thorough: torch compiled: torch.compile."),
    (None, ""),
])
def test_the_table_says_whether_compiled_code_was_judged(thorough, line, tmp_path, capsys):
    """And how it is compiled; nothing of what can't have any, somebody's functions say."""
    entry = Entry("torch")
    entry.add([result("forward")])
    entry.thorough, entry.expected = thorough, [("scratch", "forward")]
    Record(entry, tmp_path).finish()
    assert merge(["torch"], tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    assert line in printed and ("thorough" in printed) == bool(line)


def test_thorough_adds_cases_and_an_implementation_may_have_few():
    """What it does not say is judged on all."""

    class Few(Reference):
        cases = ("ragged", "clipped")

    def cases_of(label, check, thorough):
        session = Session("planted", {"few": Few(), "all": Reference()}, Path(), thorough=thorough)
        return {p.case for p in session.problems([check]) if p.implementation == label}

    assert cases_of("few", "vjp", True) == cases_of("few", "vjp", False) == {"ragged"}
    assert cases_of("few", "trajectory", True) == {"clipped"}
    assert cases_of("all", "vjp", True) - cases_of("all", "vjp", False) == {"book"}


def test_a_check_that_compared_nothing_fails_the_report(tmp_path, capsys):
    """Unless somebody deselected it, which is said."""
    passing(tmp_path, "torch", leave_out=("chunks",))
    assert not merge(["torch"], tmp_path)
    assert "compared nothing in chunks of scratch" in capsys.readouterr().out
    part = Entry("torch", selection="-k forward")
    part.add([result("forward")])
    Record(part, tmp_path).finish()
    assert merge(["torch"], tmp_path)
    assert "only a part was run: -k forward" in capsys.readouterr().out


def edited(folder, change):
    path = folder / "torch.json"
    content = json.loads(path.read_text())
    change(content, content["backends"]["torch"])
    path.write_text(json.dumps(content))


def merged(folder, capsys):
    """What the report says of torch, while numpy next to it is merged."""
    assert not merge(["torch", "numpy"], folder)
    assert json.loads((folder / "report.json").read_text())["backends"]["numpy"]["status"] == "pass"
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("torch: ")]


@pytest.mark.parametrize(("content", "words"), [
    ("", "Expecting value"), ("{", "Expecting property name"), ("[]", "the file: expected dict, got []"),
    ('{"schema": 1}', "the file: expected 'backends' in it"), ("\xff", "codec can't decode"),
    ('{"schema": 1, "backends": {}}', "backends: expected 'torch' in it"),
    ("[" * 100_000, "recursion"),
])
def test_a_file_that_is_no_report_is_one_line(content, words, tmp_path, capsys):
    """Truncated, empty, somebody else's; the others are merged."""
    passing(tmp_path, "numpy")
    (tmp_path / "torch.json").write_text(content, encoding="latin-1")
    (line,) = merged(tmp_path, capsys)
    assert line.startswith("torch: not run: torch.json is no report: ") and words in line
    assert line.endswith("; run torch again")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path, capsys):
    """Nobody writes into it."""
    passing(tmp_path, "numpy")
    os.mkfifo(tmp_path / "torch.json")
    (line,) = merged(tmp_path, capsys)
    assert line.startswith("torch: not run: torch.json is no report: expected a file, found a pipe or a device")


def test_what_can_not_be_written_is_named(tmp_path, monkeypatch):
    """A full disk names no file itself; a pipe would be gone; a link stays, and what it points to is written."""
    write_text(tmp_path / "kept.md", "old")
    (tmp_path / "link.md").symlink_to("kept.md")
    write_text(tmp_path / "link.md", "new \udcff")
    assert (tmp_path / "link.md").is_symlink() and (tmp_path / "kept.md").read_text() == "new \\udcff"
    os.mkfifo(tmp_path / "pipe.md")
    with pytest.raises(OSError, match=r"pipe\.md: expected a file to write, found a pipe or a device; name another"):
        write_text(tmp_path / "pipe.md", "new")
    assert (tmp_path / "pipe.md").is_fifo()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"^/.*/kept\.md: can't be written \(No space left on device\)$"):
        write_text(tmp_path / "kept.md", "newer")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.md", "link.md", "pipe.md"]


HEAT = {"title": "gates", "rows": ["I", "F"], "ratios": [[1.0], [1.0, 2.0]]}


@pytest.mark.parametrize(("change", "words"), [
    (lambda content, entry: content.update(schema=99), "schema: expected 1, got 99"),
    (lambda content, entry: entry.update(status="PASS"), "backends.torch.status: expected 'pass' or 'fail'"),
    (lambda content, entry: entry["results"][0].update(ratio=float("nan")), "expected finite numbers, got NaN"),
    (lambda content, entry: entry["results"][0].update(ratio=10**400), "expected finite numbers, got 1000"),
    (lambda content, entry: entry["results"][0].update(ratio="0.5"), "results[0].ratio: expected float | int | None"),
    (lambda content, entry: entry["results"][3].pop("verdict"), "results[3]: expected 'verdict' in it"),
    (lambda content, entry: entry.update(reason="\ud800"), "surrogates not allowed"),
    (lambda content, entry: entry.update(expected=[["scratch"]]), "expected[0]: expected 2 items, got 1"),
    (lambda content, entry: entry.update(causes={"scratch": {"place": "", "findings": [], "heat": [HEAT]}}),
     "gates: expected 2 rows of ratios of one length"),
])
def test_an_entry_of_another_form_is_one_line(change, words, tmp_path, capsys):
    """It says where."""
    passing(tmp_path, "numpy")
    passing(tmp_path, "torch")
    edited(tmp_path, change)
    (line,) = merged(tmp_path, capsys)
    assert words in line


@pytest.mark.parametrize("change", [
    {"ratio": 5.0}, {"ratio": None}, {"ratio": -1.0}, {"verdict": "mathematics"}])
def test_a_pass_over_results_that_fail_is_no_pass(change, tmp_path, capsys):
    """Whatever the status says, the results decide."""
    passing(tmp_path, "numpy")
    passing(tmp_path, "torch")
    edited(tmp_path, lambda content, entry: entry["results"][0].update(change))
    assert merged(tmp_path, capsys) == ["torch: fail: it says pass over results that fail: params (book float32)"]
    edited(tmp_path, lambda content, entry: entry.update(results=[], selection="a part"))
    assert "compared nothing" in merged(tmp_path, capsys)[0]


def test_no_backend_at_all_is_a_failure(tmp_path):
    """Nothing asked, nothing proved."""
    assert not merge([], tmp_path)


@pytest.mark.parametrize(("results", "text"), [
    ([], "–"),
    ([result("forward"), result("forward", ratio=1.25)], "1.25"),
    ([result("forward", "mathematics", 1e6), result("forward", "rounding", 9.0)], "1.0e+06 WRONG"),
    ([result("forward", "rounding", 9.0)], "9.00 ROUNDING"),
    ([result("forward", "fail", float("inf"))], "FAIL"),
])
def test_cells(results, text):
    """The worst ratio, and the worst kind of failure."""
    assert cell({"results": [r.json() for r in results]}, "forward") == text


def test_a_record_without_results_fails(tmp_path):
    """A run that compared nothing is no pass; nor is one with an error or a skip."""
    assert Record(Entry("torch"), tmp_path).finish() == "fail"
    assert read_status(tmp_path, "torch")["reason"] == "nothing was compared"
    entry = Entry("torch")
    with pytest.raises(LookupError, match="compared nothing"):
        entry.add([])
    entry.add([result("forward")])
    entry.error("test_step was skipped, and no check may be")
    assert Record(entry, tmp_path).finish() == "fail"


def test_the_file_is_true_while_the_tests_run(tmp_path):
    """If the process died now, the file would say in what."""
    record = Record(Entry("torch"), tmp_path)
    record.entry.add([result("forward")])
    record.begin("backward[scratch-book-float32]")
    entry = read_status(tmp_path, "torch")
    assert entry["status"] == "crashed"
    assert entry["reason"] == "the process ended in backward[scratch-book-float32]"
    assert len(entry["results"]) == 1
    record.finish()
    assert read_status(tmp_path, "torch")["status"] == "pass"
    assert [path.name for path in tmp_path.iterdir()] == ["torch.json"]


def test_infinity_is_null_in_json(tmp_path):
    """JSON has no infinity; other tools must be able to read the file."""
    record = Record(Entry("torch"), tmp_path)
    record.entry.add([result("forward", "mathematics", float("inf"))])
    record.finish()
    assert "Infinity" not in (tmp_path / "torch.json").read_text()
    assert read_status(tmp_path, "torch")["results"][0]["ratio"] is None


def test_a_failure_in_words(truths):
    """Backend, check, case, dtype, quantity, both values, error, spread, ratio, place and command."""
    text = explain("torch", [result("forward", "mathematics", 7.5, "C_t"), result("forward")],
                   "departs first at time step t = 0, in the forget gate F",
                   Investigation(Reference(), truths),
                   ["reproduce: python repro/p.py", "again: pytest X --backend torch"])
    for words in ("torch: forward of scratch on case book in float32: 1 of 2 quantities", "C_t: at index (0, 1)",
                  "error 1e-08, spread 2e-08, ratio 7.5 (limit 4)", "mathematics", "forget gate F",
                  "reproduce: python repro/p.py", "again: pytest X --backend torch"):
        assert words in text


def test_what_each_implementation_was_judged_in_is_shown(tmp_path, capsys):
    """One that declares most checks inapplicable is no plain pass because others fill its column."""
    entry = Entry("torch")
    entry.expected = [("scratch", check) for check in CHECKS]
    entry.not_judged = {"scratch": {}, "lazy": {check: "no wish to" for check in CHECKS if check != "forward"}}
    entry.add([result(check) for check in CHECKS])
    entry.add([replace(result("forward"), implementation="lazy")])
    entry.add([replace(result("forward"), check="of another edition")])
    Record(entry, tmp_path).finish()
    assert merge(["torch"], tmp_path)
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Judged, of {len(ROWS)} rows: torch: scratch {len(CHECKS)}, lazy 1." in printed
    assert "**torch lazy**: params (no wish to)" in (tmp_path / "report.md").read_text()


def test_each_failing_check_keeps_where_it_begins_and_how_to_see_it_again():
    """The first of each, in the order in which they failed; another process's after one's own."""
    def entry(*failures):
        found = Entry("torch")
        for check, place in failures:
            found.explain("scratch", check, place, SimpleNamespace(diagnosis=None, maps=[], findings=list), [place])
        return found

    one = entry(("forward", "t = 0, in C"), ("forward", "t = 3, in O"), ("gru forward", "t = 1, in R"))
    one.receive(entry(("trajectory", "minibatch 1"), ("forward", "t = 9")).part([]))
    assert one.place == "scratch: t = 0, in C"
    assert [*one.causes["scratch"]["places"].items()] == [
        ("forward", "t = 0, in C"), ("gru forward", "t = 1, in R"), ("trajectory", "minibatch 1")]
    assert one.causes["scratch"]["commands"]["forward"] == ["t = 0, in C"]
