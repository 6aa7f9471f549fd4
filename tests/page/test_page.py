"""report.html in a real browser: what it shows, where its cells lead, that it fetches nothing and is accessible."""

import re

import pytest

from lstm_ref.parity.page import charts


def numbers(page, name="#table tbody tr"):
    return page.locator(name).count()


def test_it_is_one_file_that_fetches_nothing(seen, report):
    """And of which the console has nothing to say."""
    found = seen()
    assert found.asked == [report.as_uri()] and found.errors == []
    assert report.stat().st_size < 5e6


def test_five_questions_are_answered(seen):
    """Which backend, which check, which step and gate, which line, how far from the limit."""
    text = seen().page.locator("#failures").inner_text()
    for answer in ("torch scratch", "checks: forward", "forward: departs first at time step t = 1, in the input gate I",
                   "ratio 3e+06, 7.5e+05 times the limit",
                   "torch/scratch.py, line 57: I = torch.sigmoid(X @ W_xi + H @ W_hf + b_i)", "W_hf for W_hi"):
        assert answer in text
    page = seen().page
    page.locator("#filters select[name=verdict]").select_option("mathematics")
    assert "3e6" in page.locator("#table tbody tr").inner_text()


def test_each_check_says_where_it_begins(seen):
    """In the order in which they failed."""
    places = seen().page.locator("#failure-0 p:has-text('where it begins')").all_inner_texts()
    assert ["forward: departs first" in places[0], "trajectory: the loss departs" in places[1]] == [True, True]


def test_the_map_is_a_table_as_well(seen):
    """For those who have no mouse, or do not see."""
    page = seen(360).page
    page.locator("#failure-0 summary").click()
    assert page.locator("#failure-0 table tbody tr").first.inner_text().split() == ["I", "0.2", "3e+06", "∞"]
    assert page.locator("#failure-0 td.wrong").count() == 3
    assert page.locator("#heat-0-0").get_attribute("aria-label").startswith("forward pass, from inside: ratios by")


def test_a_table_that_another_command_left_says_when(seen):
    """It may be older than the page."""
    section = seen().page.locator("section:has(h2:has-text(': torch'))")
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d", section.locator("time").inner_text())


def test_a_verdict_that_was_kept_says_since_when(seen):
    """Of the backends alone that it is true of."""
    assert seen().page.locator("#kept").inner_text().endswith("has changed since: numpy (2026-01-02 03:04 UTC)")


def test_filters(seen):
    """Narrow the table, which says how much is shown."""
    page = seen().page
    assert numbers(page) == 100 and page.locator("#shown").inner_text() == "100 / 253"
    page.locator("#more").click()
    assert numbers(page) == 253 and page.locator("#more").is_hidden()
    page.locator("#filters select[name=backend]").select_option("torch")
    assert numbers(page) == 2
    page.locator("#filters select[name=check]").select_option("state")
    assert numbers(page) == 1
    page.locator("#filters select[name=backend]").select_option("")
    page.locator("#filters select[name=check]").select_option("")
    page.locator("#filters input").fill("quantity 17")
    assert numbers(page) == 11  # and those from 170 on


def test_sorting(seen):
    """By a column, and the other way round."""
    page = seen().page
    heading = page.locator("th:has([data-sort=ratio])")
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert "H_t" in page.locator("#table tbody tr").first.inner_text()
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert "number of states" in page.locator("#table tbody tr").first.inner_text()


def test_a_failing_cell_leads_to_its_map_and_its_line(seen):
    """By keyboard, too; a passing one to its results."""
    page = seen().page
    cell = page.locator("#verdict td.wrong a").first
    cell.focus()
    cell.press("Enter")
    assert page.url.endswith("#failure-0")
    article = page.locator("#failure-0")
    assert article.locator("canvas").count() == 1 and "line 57" in article.inner_text()
    assert numbers(page) == 1
    page.locator("#verdict a[data-backend=numpy][data-check=trajectory]").click()
    assert page.url.endswith("#results") and numbers(page) == 1


def test_values_show_on_hover(seen):
    """Of the map."""
    page = seen().page
    page.locator("#heat-0-0 canvas").hover(position={"x": 90, "y": 15})
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "ratio" in page.locator("#vg-tooltip-element").inner_text()


def test_a_command_is_copied(seen):
    """With its button."""
    page = seen().page
    page.locator("[data-copy]").last.click()
    page.wait_for_selector("[data-copy][data-done=yes]")
    assert page.locator("[data-copy]").last.get_attribute("data-copy") == 'nox -s parity -- -k "forward[scratch]"'


def test_courses_comparison_and_other_tables(seen):
    """Stand on the page when they are there."""
    page = seen().page
    assert page.locator("#course option").all_inner_texts() == ["trajectory on workers-2-5-of-a-long-name in float32"]
    assert page.locator("#losses canvas").count() == 1 and page.locator("#ratios canvas").count() == 1
    text = page.locator("#compared").inner_text()
    assert "earlier.json" in text and "pass became fail" in text and "beyond rounding" in text
    assert "lstm train fused" in page.locator("main").inner_text()
    assert "<b>2</b>" in page.locator("#table").inner_text() or "a <cpu>" in page.locator("main").inner_text()


def test_chinese(seen):
    """The page's own words in the book's terms, and back."""
    page = seen().page
    page.locator("#language").click()
    assert page.locator("h1").inner_text() == "LSTM 一致性报告"
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    for words in ("通过", "错误", "版本", "倍于上限", "基准测试", "中位数"):
        assert words in page.locator("main").inner_text()
    page.locator("#language").click()
    assert page.locator("h1").inner_text() == "LSTM parity" and page.title() == "LSTM parity: fails"


def test_chinese_is_there_at_once_for_who_reads_it(seen, axe):
    """By the browser's language; accessible as well."""
    page = seen(locale="zh-CN").page
    assert page.title() == "LSTM 一致性报告：未通过"
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_accessible_at_every_width(seen, axe, width, colours):
    """By axe-core: contrast, labels, names; nothing runs out of the window."""
    page = seen(width, colours).page
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_can_be_printed(seen):
    """Without its controls."""
    page = seen().page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("#filters").is_hidden() and page.locator("#table").is_visible()
    assert page.locator("#failure-0 table").is_visible()


def test_on_paper_it_is_dark_on_white(seen):
    """The charts' words too, whatever the colours of the screen."""
    page = seen(colours="dark").page
    darkest = """() => { const c = document.querySelector('#ratios canvas'); let n = 0;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200 && d[i] + d[i + 1] + d[i + 2] < 150) n++;
        return n; }"""
    assert page.evaluate(darkest) == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate(darkest) > 50
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 28, 30)"


def test_the_map_is_a_picture_beside_the_markdown(tmp_path):
    """Drawn by the same code: a square for each ratio, red where the one of the page is."""
    heat = {"title": "forward pass, from inside", "rows": ["I", "F"], "ratios": [[0.2, 3e6, None], [0.1, 0.3, 2e5]]}
    charts.picture(heat, tmp_path / "map.png")
    small = (tmp_path / "map.png").read_bytes()
    assert small.startswith(b"\x89PNG") and len(small) > 5000
    charts.picture({**heat, "ratios": [[0.2, 0.3, 0.1], [0.1, 0.3, 0.2]]}, tmp_path / "map.png")
    assert (tmp_path / "map.png").read_bytes() != small
