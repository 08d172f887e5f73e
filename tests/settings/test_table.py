"""The table of settings: what each row accepts is what a function starts with."""

import re

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings.kinds import PATTERN
from chalicelib.settings.rows import SettingError
from chalicelib.settings.settings import Settings
from chalicelib.settings.table import GROUPS, ROWS, label_of

EACH_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.variable)


def admitted(kind):
    """Texts that CloudFormation accepts as parameters of a kind."""
    if kind.values:
        return st.sampled_from(kind.values)
    if kind.pattern:
        return st.from_regex(re.compile(kind.pattern, re.ASCII), fullmatch=True)
    return st.text(min_size=1, max_size=kind.longest)


@st.composite
def nearly(draw, kind, example):
    """Texts of a kind with something changed, put in or taken out."""
    text = draw(admitted(kind) | st.just(example))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 2))
        put = draw(st.sampled_from(["", " ", ",", "0", "1", "\n", ".", "s", "A", "٣", ";", ":"]))
        text = text[:place] + put + text[place + length :]
    return text


@EACH_ROW
@given(data=st.data())
@hypothesis.settings(max_examples=30)
def test_what_is_accepted_is_a_setting_that_the_functions_have(row, data):
    text = data.draw(admitted(row.kind))
    settings = Settings.from_environment({row.variable: text})
    try:
        getattr(settings, row.name)
    except SettingError:
        # Whether a regular expression compiles, no other one can say. It stops what uses it.
        assert row.kind is PATTERN


@EACH_ROW
@given(data=st.data())
@hypothesis.settings(max_examples=30)
def test_what_the_functions_have_is_accepted(row, data):
    text = data.draw(nearly(row.kind, row.example))
    try:
        row.parse(text)
    except SettingError:
        return
    assert row.kind.admits(text)


@EACH_ROW
def test_each_row_has_an_example_that_is_not_its_default(row):
    settings = Settings.from_environment({row.variable: row.example})
    assert getattr(settings, row.name) != row.parsed_default


@EACH_ROW
def test_each_row_says_where_it_is_set(row):
    assert row.description[0].isupper()
    assert not row.description.endswith(".")
    assert bool(row.parameter) == bool(row.label)
    assert row.key or row.resource


def test_names_are_there_once():
    for names in ("variable", "name", "parameter", "key"):
        found = [value for row in ROWS if (value := getattr(row, names))]
        assert len(set(found)) == len(found), names
    assert len({label_of(group) for group in GROUPS}) == len(GROUPS)
