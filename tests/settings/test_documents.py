"""Documents that operators write: plain YAML, with the line and the key of each error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings.documents import LONGEST_DOCUMENT, Document, DocumentError


def errors_in(text, keys=("key", "other")):
    document = Document(text, "some.yaml")
    if document.root:
        document.root.entries(keys)
    with pytest.raises(DocumentError) as raised:
        document.check()
    return raised.value.errors


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1: there is nothing in it; accepted: an object"),
        ("# nothing", "line 1: there is nothing in it"),
        ("a: b: c", "line 1: not YAML: mapping values are not allowed here"),
        ("key:\n\t- x", "line 2: not YAML: found character '\\t'"),
        ("key: \x00", "line 1: not YAML: unacceptable character"),
        ("key: [", "line 1: not YAML: "),
        ("key: []\n---\nkey: []", "line 2: a second document; accepted: none"),
        ("other: 1\nkey: &all []", "line 2: an anchor or alias; accepted: none"),
        ("key: !!python/name:os.system x", "line 1: a tag; accepted: none"),
        ("key: " + "[" * 30_000, "line 1: nesting; accepted: none"),
        (" " * (LONGEST_DOCUMENT + 1), "line 1: 65537 characters; accepted: at most 65536"),
        ("[key]", "line 1: the document is a list; accepted: an object with any of key, other"),
        ("key", "line 1: the document is 'key'; accepted: an object"),
        ("other: 1\nkye: 2", "line 2: 'kye' is no key here; accepted: key, other"),
        ("? [a, b]\n: 1", "line 1: what is no text is no key here"),
        ("key: 1\nkey: 2", "line 2: key is there twice; accepted: once"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_line(text, error):
    [found] = errors_in(text)
    assert found.startswith(f"some.yaml, {error}")


def test_a_text_that_would_unfold_into_a_huge_one_is_refused_before_it_does():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{after}: &{after} [*{before}, *{before}]\n"
        for before, after in zip("abcdefghi", "bcdefghij", strict=True)
    )
    assert errors_in(bomb) == ("some.yaml, line 1: an anchor or alias; accepted: none",)


def test_values_are_found_by_key_with_their_kind_line_and_path():
    text = 'key:\n  other:\n    - 7\n    - "7"\n    - 7.5\n    - true\n    - {}\n    - []\n    -\n'
    document = Document(text, "some.yaml")
    other = document.root.entries(["key"])["key"].entries(["other"])["other"]
    found = [(item.path, item.line, item.kind, item.text) for item in other.items()]
    assert found == [
        ("key.other[0]", 3, "integer", "7"),
        ("key.other[1]", 4, "string", "7"),
        ("key.other[2]", 5, "number", "7.5"),
        ("key.other[3]", 6, "boolean", "true"),
        ("key.other[4]", 7, "object", ""),
        ("key.other[5]", 8, "list", ""),
        ("key.other[6]", 9, "", ""),
    ]
    document.check()


def test_of_very_many_errors_the_first_are_shown_and_all_are_there():
    text = "\n".join(f"key{number}: 1" for number in range(60))
    errors = errors_in(text)
    assert len(errors) == 60
    assert str(DocumentError(errors)).splitlines() == [*errors[:20], "and 40 more"]


@given(st.text(max_size=60) | st.text(":-[]{}&*!?|>'\"%@` \nkey", max_size=60))
def test_any_text_is_either_an_object_or_refused_with_a_line(text):
    document = Document(text, "some.yaml")
    if document.root:
        document.root.entries(["key"])
    errors = ()
    try:
        document.check()
    except DocumentError as error:
        errors = error.errors
    assert all(each.startswith("some.yaml, line ") for each in errors)
