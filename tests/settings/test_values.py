"""Every parser of a text from outside refuses what it does not accept, whoever calls it."""

import pytest

from chalicelib.ecr.registries import parse_external_id, parse_regions, parse_roles
from chalicelib.settings.owner_topics import parse_owner_topics
from chalicelib.settings.repository_thresholds import parse_repository_thresholds
from chalicelib.settings.values import (
    parse_count,
    parse_owner,
    parse_positive,
    parse_probability,
    parse_score,
    parse_switch,
    parse_window,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_count, "0", 0),
        (parse_positive, "1", 1),
        (parse_switch, "True", True),
        (parse_score, "7.5", 7.5),
        (parse_score, "10.0", 10.0),
        (parse_window, "0", 0),
        (parse_window, "60m", 3_600),
        (parse_owner, "team payments", "team payments"),
        (parse_probability, "0.5", 0.5),
        (parse_external_id, "a+b=c", "a+b=c"),
    ],
)
def test_what_is_accepted_is_read(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_count, "-1"),
        (parse_count, "\u0661"),
        (parse_positive, "0"),
        (parse_switch, "yes"),
        (parse_score, "10.1"),
        (parse_score, "nan"),
        (parse_window, "61m"),
        (parse_window, "5"),
        (parse_owner, ""),
        (parse_owner, "payments;ops"),
        (parse_probability, "1.1"),
        (parse_probability, "1e-3"),
        (parse_external_id, "x"),
        (parse_regions, "Europe"),
        (parse_roles, "arn:aws:iam::1:role/x"),
        (parse_owner_topics, "payments=nowhere"),
        (parse_repository_thresholds, "payments/*: CRITICAL=many"),
        (parse_repository_thresholds, "payments/*: HIGH=1 HIGH=2"),
    ],
)
def test_what_is_not_accepted_is_refused(parse, text):
    with pytest.raises(ValueError, match=r".*"):
        parse(text)
