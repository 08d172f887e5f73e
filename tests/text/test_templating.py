"""Values from outside lose their meaning in the medium that they go to."""

import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chalicelib.text import templating
from chalicelib.text.templating import count_of, link, markdown, plain, short

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})


def render(medium, template, **values):
    return templating._environment(medium).from_string(template).render(**values)


@pytest.mark.parametrize(
    ("medium", "shown"),
    [
        (".html", "&lt;script&gt;alert(1)&lt;/script&gt; *a*"),
        (".md", "&lt;script&gt;alert(1)&lt;/script&gt; \\*a\\*"),
        (".txt", "<script>alert(1)</script> *a*"),
    ],
)
def test_a_value_is_escaped_once_for_its_medium_also_in_a_macro(medium, shown):
    template = "{% macro show(value) %}[{{ value }}]{% endmacro %}{{ show(value) }}{{ value }}"
    assert render(medium, template, value="<script>alert(1)</script> *a*") == f"[{shown}]{shown}"


@pytest.mark.parametrize("medium", [".html", ".md", ".txt"])
def test_a_value_is_never_more_than_one_line(medium):
    text = render(medium, "{{ value }}", value="1.0\r\n\nFrom: me\u2028x\u202ey\x00\ud800")
    assert len(text.splitlines()) == 1
    assert text.isprintable()


def test_a_name_that_is_not_given_is_an_error():
    with pytest.raises(Exception, match="is undefined"):
        render(".txt", "{{ value }}")


@given(st.text())
@example("1. one")
@example("# heading")
@example("[a](https://example.org)")
@example("<https://example.org>")
@example("| a | b |")
@example("===")
@example("&lt;b&gt;")
@example("```")
def test_markdown_shows_the_value_as_it_is(text):
    tokens = GITHUB.parse(f"{markdown(text)}\n")
    kinds = {token.type for token in tokens}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close"}
    children = [child for token in tokens for child in token.children or ()]
    comments = [child for child in children if child.type == "html_inline"]
    assert {child.content for child in comments} <= {"<!-- -->"}
    shown = "".join(child.content for child in children if child not in comments)
    assert shown == plain(text).strip()


@given(st.text())
def test_html_shows_the_value_as_it_is(text):
    shown = render(".html", "{{ value }}", value=text)
    assert not set("<>\"'") & set(shown)
    assert html.unescape(shown) == plain(text)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        " https://example.org",
        "https://example.org/\nx",
        'https://example.org/"onclick="x',
        "https://bank.example@evil.example/",
        "https://",
        "//example.org",
        "",
    ],
)
def test_what_is_no_address_of_the_web_is_no_link(address):
    assert link(address) == ""


def test_an_address_of_the_web_cannot_end_a_markdown_link():
    assert link("https://example.org/a_(b)?c=@d") == "https://example.org/a_%28b%29?c=%40d"


def test_an_address_beyond_ascii_is_encoded():
    assert link("https://example.org/ü?q=a%20b") == "https://example.org/%C3%BC?q=a%20b"


def test_a_text_is_shortened_between_words():
    assert short("a heap overflow\nin zlib", 16) == "a heap overflow…"
    assert short("abcdefghij", 5) == "abcd…"
    assert short("abc", 3) == "abc"


def test_a_link_in_markdown_is_its_address_as_it_is():
    address = "https://example.org/a_b?c=~d&lang=1"
    text = render(".md", "[{{ text }}](<{{ address | link }}>)", text="]x[", address=address)
    (inline,) = [token for token in GITHUB.parse(text) if token.type == "inline"]
    opened, shown, _ = inline.children
    assert (opened.attrGet("href"), shown.content) == (address, "]x[")


def test_counts_have_their_noun():
    assert [count_of(1, "image"), count_of(1204, "image"), count_of(0, "index", "indexes")] == [
        "1 image",
        "1,204 images",
        "0 indexes",
    ]
