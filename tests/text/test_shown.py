"""What comes from outside is shown in a few characters, however long or deep it is."""

from chalicelib.text.shown import shown


def test_a_short_value_is_shown_as_it_is():
    assert shown({"a": 1}) == "{'a': 1}"


def test_a_long_value_is_cut():
    assert shown("x" * 1_000) == "'" + "x" * 76 + "..."


def test_a_value_that_is_nested_too_deeply_to_be_shown_is_named_as_such():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "nested too deeply"
