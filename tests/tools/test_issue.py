"""What the scheduled workflow says of newest versions: one issue, opened, updated and closed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GH = """#!/bin/sh
echo "$@" >> "$CALLS"
if [ "$2" = list ]; then echo "$OPEN"; fi
"""


@pytest.fixture
def issue(tmp_path):
    """Runs the script over entries, with a gh that notes what it is asked; returns its calls."""
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "build" / "parity").mkdir(parents=True)
    (tmp_path / "docs").mkdir()

    def run(entries, number="", known=()):
        for name, (status, reason) in entries.items():
            content = {"backends": {name: {"status": status, "reason": reason}}}
            (tmp_path / "build" / "parity" / f"{name}.json").write_text(json.dumps(content))
        kept = {name: {"status": "fail"} for name in known}
        (tmp_path / "docs" / "versions.json").write_text(json.dumps({"versions": kept}))
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"),
                                    "OPEN": number, "RUN": "https://example.org/7"}
        done = subprocess.run(["bash", str(ROOT / ".ci" / "issue")], cwd=tmp_path, env=environment, text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "calls").read_text(), done.stdout

    return run


def test_what_newly_fails_opens_an_issue(issue):
    """With the judge's words and the run."""
    calls, _ = issue({"jax 0.13": ("fail", "scratch: forward (book float32)"), "torch 3": ("pass", "")})
    assert "issue create" in calls and "- **jax 0.13**: fail: scratch: forward (book float32)" in calls
    assert "torch" not in calls and "https://example.org/7" in calls


def test_an_open_issue_is_updated_and_closed(issue):
    """There is one at a time."""
    calls, _ = issue({"jax 0.13": ("crashed", "killed by signal 11")}, "12")
    assert "issue edit 12" in calls and "create" not in calls
    calls, _ = issue({"jax 0.13": ("pass", "")}, "12")
    assert "issue close 12" in calls


def test_what_is_known_to_fail_opens_none(issue):
    """Nor what passes."""
    calls, said = issue({"jax 0.13": ("fail", "scratch: forward")}, known=["jax 0.13"])
    assert "create" not in calls and "nothing fails that did not fail before" in said
