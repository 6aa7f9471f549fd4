"""Markdown that a command writes: a table, and a page whose measured parts stand between marks."""

from collections.abc import Sequence

BEGIN, END = "<!-- measured: {} -->", "<!-- end -->"


def filled(text: str, parts: dict[str, str], name: str) -> str:
    """The page with the text between its marks replaced.

    Args:
        text: of the page.
        parts: what belongs between the marks, by their names.
        name: of the page's file, for the words of an error.

    Raises:
        ValueError: a part has no marks.
    """
    for mark, part in parts.items():
        begin = BEGIN.format(mark)
        before, *after = text.split(begin)
        if len(after) != 1:
            raise ValueError(f"{name}: expected {begin} once, got it {len(after)} times")
        if END not in after[0].partition(BEGIN.partition("{")[0])[0]:
            raise ValueError(f"{name}: expected {END} after {begin}, and no other mark between them")
        text = f"{before}{begin}\n\n{part}\n\n{END}{after[0].partition(END)[2]}"
    return text


def lines(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *body))
