"""Runs of versions: the files, the page and the matrix."""

import json
from pathlib import Path

import pytest

from lstm_ref.__main__ import main
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.entry import Entry
from lstm_ref.parity.registry import short
from lstm_ref.parity.runner.record import Record, file_of, read_status, write_status
from lstm_ref.parity.runner.versions import ordered, shortened
from lstm_ref.parity.verdict import Result


def run(folder, subject, version, ratio=0.5, verdict="pass"):
    entry = Entry(subject)
    entry.fingerprint = {"framework": version, "python": "3.11.7", "numpy": "2.4.6", "cpu": "a processor"}
    entry.expected = [("scratch", check) for check in CHECKS]
    entry.add([Result(check, "scratch", "book", "float32", "H", ratio * 1e-8, 1e-8, ratio, verdict)
               for check in CHECKS])
    return Record(entry, folder).finish()


@pytest.fixture
def command(tmp_path):
    def call(*subjects):
        return main(["versions", *subjects, "--build", str(tmp_path / "build"), "--docs", str(tmp_path / "docs")])

    return call


def test_a_run_of_a_version_has_a_name_and_files_of_its_own(tmp_path):
    """Its name has the version, its files no space."""
    assert short("jax 0.6.0 py3.13") == "jax 0.6.0 py3.13"
    assert file_of(tmp_path, "jax 0.6.0").name == "jax-0.6.0.json"
    run(tmp_path, "jax 0.6.0", "0.6.0")
    assert read_status(tmp_path, "jax 0.6.0")["status"] == "pass"
    for evil in ("../jax 0.6.0", "jax /etc", "jax  0.6.0", " jax"):
        with pytest.raises(ValueError, match="expected a registered name"):
            short(evil)


def test_the_page_keeps_what_ran_before(tmp_path, command, capsys):
    """The newest first; what is run again takes its own place."""
    run(tmp_path / "build", "jax 0.6.0", "0.6.0")
    assert command("jax 0.6.0") == 0
    run(tmp_path / "build", "jax 0.10.2", "0.10.2", 9.0, "rounding")
    write_status(tmp_path / "build", "torch 99", "not run", "can't be installed: torch==99 has no wheel")
    assert command("jax 0.10.2", "torch 99") == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "jax 0.10.2" in printed and "9.00" in printed and "torch==99 has no wheel" in printed
    page = (tmp_path / "docs" / "versions.md").read_text()
    assert page.index("## torch") < page.index("## jax")
    newer, older = "| jax 0.10.2 | 3.11.7 | 2.4.6 | fail | scratch fail | 9.00 (", "| jax 0.6.0 | 3.11.7 | 2.4.6 | "
    assert page.index(newer) < page.index(older)
    assert "1 of 2 pass; the oldest that passes is 0.6.0." in page
    assert "| | 0.10.2 | 0.6.0 |" in page and "| forward | 9.00 ROUNDING | 0.50 |" in page
    kept = json.loads((tmp_path / "docs" / "versions.json").read_text())["versions"]
    assert list(kept) == ["torch 99", "jax 0.10.2", "jax 0.6.0"]
    run(tmp_path / "build", "jax 0.10.2", "0.10.2")
    assert command("jax 0.10.2") == 0
    assert "fail" not in (tmp_path / "docs" / "versions.md").read_text()


def test_a_long_reason_fits_a_table():
    """On one line, cut between two words."""
    assert shortened("raised TypeError:\n\n  in user code") == "raised TypeError: in user code"
    assert shortened(f"in {Path.cwd()}/backends/x.py, line 3") == "in backends/x.py, line 3"
    assert len(shortened("word " * 100)) < 250 and shortened("word " * 100).endswith("word ...")


def test_nothing_and_foreign_files_are_refused(tmp_path, command, capsys):
    """In a sentence each."""
    assert command() == 2
    assert "no run of a version is kept" in capsys.readouterr().err
    (tmp_path / "docs").mkdir(exist_ok=True)
    (tmp_path / "docs" / "versions.json").write_text('{"schema": 1, "versions": {"jax 1": 3}}')
    assert command("jax 1") == 2
    assert "is no list of versions: versions.jax 1: expected dict, got 3; move it away" in capsys.readouterr().err


def test_versions_are_ordered_as_numbers():
    """0.10 is newer than 0.9; a build's name is none."""
    versions = ("0.9.0", "newest", "0.10.2", "0.10.2.dev1", "0.4.38", "0.10.2+cpu")
    runs = {f"jax {version}": {"backend": "jax", "version": version} for version in versions}
    found = [run["version"] for run in ordered(runs).values()]
    assert found == ["0.10.2+cpu", "0.10.2", "0.10.2.dev1", "0.9.0", "0.4.38", "newest"]
