"""A report with a failure, as a run leaves it, and a browser; without one the tests are skipped, in CI they fail."""

import importlib
import os
import shutil

import pytest

from lstm_ref.files import write_section
from lstm_ref.parity.page import write
from lstm_ref.parity.runner.report import since


def needed(module):
    """A module of the group `page`; without it a test is skipped, in continuous integration it fails."""
    return importlib.import_module(module) if os.environ.get("CI") else pytest.importorskip(module)


def result(check, quantity, ratio, verdict="pass", case="ragged", **more):
    return {"check": check, "implementation": "scratch", "case": case, "dtype": "float32", "quantity": quantity,
            "error": 1e-7, "spread": 1e-7, "ratio": ratio, "verdict": verdict, **more}


def entries():
    """One that passes and one that fails in its input gate, at the second of three steps."""
    right = [result("forward", f"quantity {i}", 0.01 * i + 0.01) for i in range(250)]
    course = [[3.0, 2.5, 2.0], [3.0, 2.5, 2.1]]
    right.append(result("trajectory", "loss", 0.5, case="workers-2-5-of-a-long-name", course=course))
    wrong = [result("forward", "H_t", 3e6, "mathematics", detail="at index (0,): expected 1.0, got <b>2</b>"),
             result("state", "number of states", 0.0)]
    fact = {"not_judged": {"scratch": {"sampling": "shared"}}, "fingerprint": {"framework": "1.0", "cpu": "a <cpu>"},
            "selection": "", "seconds": 2.0}
    cause = {"places": {"forward": "departs first at time step t = 1, in the input gate I",
                        "trajectory": "the loss departs first at minibatch 1 of epoch 1"},
             "mistakes": ["W_hf for W_hi"],
             "findings": ["diagnosis: W_hf for W_hi", "  Fix: Use W_hi."],
             "commands": {"forward": ["reproduce: python repro.py", 'again: nox -s parity -- -k "forward[scratch]"']},
             "heat": [{"title": "forward pass, from inside", "rows": ["I", "F"], "first": "time step t = 1",
                       "line": "torch/scratch.py, line 57: I = torch.sigmoid(X @ W_xi + H @ W_hf + b_i)",
                       "ratios": [[0.2, 3e6, None], [0.1, 0.3, 2e5]]}]}
    return {"numpy": {"status": "pass", "reason": "", "causes": {}, "results": right, "judged": "2026-01-02 03:04 UTC",
                      **fact},
            "torch": {"status": "fail", "reason": "scratch: W_hf for W_hi", "causes": {"scratch": cause},
                      "results": wrong, **fact}}


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """The file of the page."""
    folder = tmp_path_factory.mktemp("report")
    before = {**entries()["torch"], "status": "pass", "reason": "", "results": [result("forward", "H_t", 0.5)]}
    write_section(folder, "bench-torch", "Benchmark: torch", ["", "median"], [["lstm train fused", "12 ms"]])
    compared = since(entries(), "earlier.json", {"torch": before})
    write.write(entries(), folder / "report.html", compared, folder / "sections")
    return folder / "report.html"


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium of the system."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("expected a browser in continuous integration: Debian's package chromium")
        pytest.skip("no browser: install Debian's package chromium")
    playwright = needed("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=[
            "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe():
    """axe-core: what it finds fault with."""
    return needed("axe_playwright_python.sync_playwright").Axe()


class Seen:
    """A page in the browser, what it asked for and what its console said."""

    def __init__(self, browser, path, **options):
        self.page = browser.new_page(**options)
        self.asked, self.errors = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type != "log" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn=yes]", timeout=60_000)


@pytest.fixture
def seen(browser, report):
    """A function that opens the report at a width and in the light or the dark."""
    opened = []

    def see(width=1600, colours="light", **more):
        opened.append(Seen(browser, report, viewport={"width": width, "height": 900}, color_scheme=colours, **more))
        return opened[-1]

    yield see
    for each in opened:
        each.page.close()
