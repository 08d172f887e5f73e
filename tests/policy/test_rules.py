"""Rules of settings and of repository tags."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.durations import Duration
from chalicelib.policy.rules import RepositoryRules, Rules, RulesByName
from chalicelib.policy.thresholds import Thresholds
from chalicelib.settings.repository_tags import parse_rules, rule_texts

ALL = {
    "skip": "false",
    "duration": "3d",
    "tag-pattern": "release-.+",
    "tagged-only": "TRUE",
    "newest": "5",
    "pushed-within": "1m",
    "pulled-within": "2w",
    "critical": "1",
    "high": "2",
    "medium": "3",
    "low": "0",
}


def test_every_rule_is_read():
    rules, bad = parse_rules(ALL)
    assert bad == ()
    assert rules == Rules(
        skip=False,
        duration=Duration.parse("3d"),
        tag_pattern=re.compile("release-.+"),
        tagged_only=True,
        newest=5,
        pushed_within=Duration.parse("1m"),
        pulled_within=Duration.parse("2w"),
        critical=1,
        high=2,
        medium=3,
        low=0,
    )


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("skip", "yes", "true, false"),
        ("duration", "often", "months, weeks"),
        ("tag-pattern", "(", "a Python regular expression"),
        ("newest", "0", "a whole number, 1 or more"),
        ("critical", "-1", "a whole number, 0 or more"),
        ("criticl", "1", "skip, duration"),
    ],
)
def test_a_bad_rule_is_named_and_the_others_hold(name, text, accepted):
    rules, [bad] = parse_rules({name: text, "pulled-within": "2w"})
    assert str(bad).startswith(f"ecr-scan-reporter:{name} is {text!r}; accepted: {accepted}")
    assert rules == Rules(pulled_within=Duration.parse("2w"))


def test_only_tags_with_the_prefix_are_rules():
    tags = [("team", "shop"), ("ecr-scan-reporter:newest", "3"), ("skip", "true")]
    assert rule_texts(tags) == {"newest": "3"}


def test_a_repositorys_rules_win_over_the_settings_one_by_one():
    settings = Rules(tagged_only=True, newest=10)
    assert Rules(newest=3).over(settings) == Rules(tagged_only=True, newest=3)
    assert Rules(tagged_only=False).over(settings) == Rules(tagged_only=False, newest=10)


def test_a_threshold_of_a_tag_takes_the_place_of_the_settings_even_when_zero():
    settings = Thresholds(critical=5, high=5, medium=5, low=5)
    assert Rules(critical=0, low=9).thresholds(settings) == Thresholds(0, 5, 5, 9)


NAMES = st.sampled_from(["", "a", "ab", "a/b", "b/a", "abc", "payments/api"])
PATTERNS = st.sampled_from(["*", "a*", "*a", "a", "a/b", "?b", "[ab]*", "payments/*", "p*/a*", "c"])


@given(NAMES, st.lists(PATTERNS, max_size=5))
def test_of_rules_by_a_pattern_of_names_the_first_that_matches_counts(name, patterns):
    entries = [RepositoryRules(each, Rules(newest=n)) for n, each in enumerate(patterns)]
    first = [n for n, each in enumerate(patterns) if fnmatchcase(name, each)][:1]
    assert RulesByName(entries).of(name) == Rules(newest=first[0] if first else None)
