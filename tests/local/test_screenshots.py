"""The pictures that the documents show."""

from xml.etree import ElementTree

from local.screenshots import terminal_picture


def test_the_picture_of_a_terminal_shows_what_was_printed_and_loads_nothing():
    picture = terminal_picture(lambda console: console.print("[bold]2 CRITICAL[/]"), "make demo")
    texts = "".join(ElementTree.fromstring(picture).itertext()).replace("\xa0", " ")  # noqa: S314 - own
    assert "2 CRITICAL" in texts
    assert "make demo" in texts
    assert "url(http" not in picture
    assert "@font-face" not in picture
