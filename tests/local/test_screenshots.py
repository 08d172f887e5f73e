"""The pictures that the documents show."""

from xml.etree import ElementTree

from local.screenshots import MOST_LINES, terminal_picture


def test_the_picture_of_a_terminal_shows_what_was_printed_and_loads_nothing():
    picture = terminal_picture(lambda console: console.print("[bold]2 CRITICAL[/]"), "make demo")
    texts = "".join(ElementTree.fromstring(picture).itertext()).replace("\xa0", " ")  # noqa: S314 - own
    assert "2 CRITICAL" in texts
    assert "make demo" in texts
    assert "url(http" not in picture
    assert "@font-face" not in picture


def test_the_picture_of_a_terminal_ends_before_it_is_too_long_to_read():
    lines = [f"line {number}" for number in range(MOST_LINES + 2)]
    picture = terminal_picture(lambda console: console.print("\n".join(lines)), "make demo")
    assert f"line&#160;{MOST_LINES - 1}" in picture
    assert f"line&#160;{MOST_LINES}" not in picture
    assert "…" in picture
