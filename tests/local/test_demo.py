"""``make demo``."""

import io
from functools import cache

import pytest
from rich.console import Console

from local import demo

# What it runs is covered line by line elsewhere; counting the lines here too triples the time.
pytestmark = pytest.mark.no_cover


@cache
def played():
    return demo.play(Console(file=io.StringIO()))


def printed(show):
    console = Console(width=100, file=io.StringIO())
    show(played(), console)
    return console.file.getvalue()


def test_the_demo_shows_the_messages_that_matter_on_two_screens():
    out = printed(demo.show_messages)
    for text in (
        *("14 repositories", "3 more are Amazon Inspector's", "an inventory"),
        *("CVE-2026-31337 in openssl", "Fleet report", "more lines"),
        "update openssl to 3.0.14-1 (3 images)",
        "rebuild the 8 other images on a current base; the scanner names no fixed version there",
    ):
        assert text in out
    assert len(out.splitlines()) <= 2 * 40


def test_all_of_the_demo_shows_each_repository_and_each_channel():
    out = printed(demo.show_all)
    for text in ("shop/checkout", "scan fresh", "not an image", "14 repositories", "inventory of"):
        assert text in out
    for text in (
        *("email", "sms", "json", "chat", "Security Hub", "Attributes to filter by"),
        "CVE-2026-31337 in openssl",
    ):
        assert text in out


def test_an_option_that_the_demo_has_not_is_refused(capsys):
    with pytest.raises(SystemExit):
        demo.main(["--everything"])
    assert "unrecognized arguments: --everything" in capsys.readouterr().err
