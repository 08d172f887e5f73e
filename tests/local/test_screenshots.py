"""The pictures that the documents show."""

from xml.etree import ElementTree

from local.screenshots import MOST_LINES, terminal_picture


def test_the_picture_of_a_terminal_shows_what_was_printed_and_loads_nothing():
    picture = terminal_picture(lambda console: console.print("[bold]2 CRITICAL[/]"), "make demo")
    assert "2 CRITICAL" in shown_in(picture)
    assert "make demo" in shown_in(picture)
    assert "url(http" not in picture
    assert "@font-face" not in picture


def test_the_picture_of_a_terminal_ends_before_it_is_too_long_to_read():
    lines = [f"row-{number}." for number in range(MOST_LINES + 2)]
    picture = terminal_picture(lambda console: console.print("\n".join(lines)), "make demo")
    shown = shown_in(picture)
    assert f"row-{MOST_LINES - 1}." in shown
    assert f"row-{MOST_LINES}." not in shown
    assert "…" in shown


def shown_in(picture):
    """The words of a picture that this project made."""
    texts = ElementTree.fromstring(picture).itertext()  # noqa: S314
    return "".join(texts).replace("\xa0", " ")
