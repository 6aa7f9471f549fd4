"""The report's page from the command line; what is on it is tested in a browser, in tests/page."""

import sys
import webbrowser

from lstm_ref.__main__ import main
from lstm_ref.parity.page import data, write
from lstm_ref.parity.runner import report
from lstm_ref.parity.runner.record import write_status


def test_without_its_libraries_it_says_what_is_missing(tmp_path, monkeypatch):
    """And the rest of the report is there."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    said = report.page_of({}, tmp_path)
    assert said.startswith("report.html was not written: ") and "the extra page" in said
    assert not (tmp_path / "report.html").exists()


def test_none_is_written_when_none_is_wanted(tmp_path, capsys, monkeypatch):
    """With --html none."""
    monkeypatch.setattr(report, "page_of", lambda *_: "a page")
    write_status(tmp_path, "torch", "not run", "no torch")
    assert main(["report", "torch", "--build", str(tmp_path), "--html", "none"]) == 1
    assert "a page" not in capsys.readouterr().out
    assert main(["report", "torch", "--build", str(tmp_path)]) == 1
    assert "a page" in capsys.readouterr().out


def test_a_section_that_is_none_is_said_in_its_place(tmp_path):
    """And the page is written without it."""
    for i, text in enumerate(("{", "[]", "null", '{"title": 5}', '{"title": "t", "header": ["a"], "body": [[1]]}')):
        (tmp_path / f"{i}.json").write_text(text)
    (tmp_path / "right.json").write_text('{"title": "t", "header": ["a"], "body": [["b"]]}')
    *wrong, right = write.left(tmp_path)
    assert all(found["body"][0][0].startswith("no table of the page: ") for found in wrong) and len(wrong) == 5
    assert right["body"] == [["b"]]


def test_an_earlier_report_that_is_none_is_refused(tmp_path, capsys):
    """In words, before anything is written."""
    (tmp_path / "old.json").write_text("{}")
    assert main(["report", "torch", "--build", str(tmp_path), "--against", str(tmp_path / "old.json")]) == 2
    assert "old.json is no report" in capsys.readouterr().err and not (tmp_path / "report.json").exists()


def test_it_is_opened(tmp_path, monkeypatch, capsys):
    """As a file; without a browser it says where it is, and without a page what writes it."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert main(["open", "--build", str(tmp_path)]) == 2
    assert "there is no page" in capsys.readouterr().err
    page = tmp_path / "report.html"
    page.touch()
    assert main(["open", "--build", str(tmp_path)]) == 0
    assert opened == [page.resolve().as_uri()] and str(page.resolve()) in capsys.readouterr().out


def test_what_the_page_is_given():
    """Indices into names, numbers to three digits, the truth of a case once."""
    first = {"check": "trajectory", "implementation": "scratch", "case": "ragged", "dtype": "float32",
             "quantity": "loss", "error": 1.23456e-7, "spread": 1e-7, "ratio": None, "verdict": "pass",
             "course": [[3.0, 2.0], [3.0, 2.5]]}
    entries = {name: {"results": [first]} for name in ("torch", "jax")}
    columns = data.results(entries)
    assert columns["backend"] == {"texts": ["torch", "jax"], "of": [0, 1]}
    assert columns["error"] == [1.23e-7] * 2 and columns["ratio"] == [None] * 2
    assert [each["who"] for each in data.losses(entries)] == ["truth", "torch scratch", "jax scratch"]
