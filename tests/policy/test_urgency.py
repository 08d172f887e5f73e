"""The order of findings: running, KEV, overdue, EPSS, severity."""

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.urgency import urgency
from tests.reports import found_in

LOW = found_in("CVE-1", "LOW", "a", "1", score=2.0)
CRITICAL = found_in("CVE-2", "CRITICAL", "a", "1", score=9.8)
ANSWERS = (True, None, False)


def test_what_runs_goes_before_everything_that_does_not():
    exploited = replace(CRITICAL, known_exploited=True, epss=0.99)
    assert urgency(LOW, running=True) < urgency(exploited, running=False, overdue=True)


def test_each_reason_goes_before_the_next():
    ranks = [
        urgency(LOW, running=True),
        urgency(replace(LOW, known_exploited=True)),
        urgency(LOW, overdue=True),
        urgency(replace(LOW, epss=0.5)),
        urgency(replace(LOW, epss=0.1)),
        urgency(CRITICAL),
        urgency(LOW),
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_unknown_stands_between_yes_and_no():
    for ranks in (
        [urgency(LOW, running=answer) for answer in ANSWERS],
        [urgency(LOW, overdue=answer) for answer in ANSWERS],
        [urgency(replace(LOW, known_exploited=answer)) for answer in ANSWERS],
    ):
        assert ranks == sorted(ranks)
        assert len(set(ranks)) == 3


def test_a_small_probability_of_exploitation_does_not_go_before_a_severity():
    assert urgency(CRITICAL) < urgency(replace(LOW, epss=0.09))
    assert urgency(replace(LOW, epss=0.02)) < urgency(replace(LOW, epss=0.01))


@given(st.permutations([replace(LOW, epss=epss) for epss in (None, 0.01, 0.2, 0.6)]))
def test_the_order_does_not_depend_on_where_one_starts(found):
    expected = [0.6, 0.2, 0.01, None]
    assert [each.epss for each in sorted(found, key=urgency)] == expected


def test_every_two_findings_have_an_order():
    ranks = [
        urgency(finding, running=running, overdue=overdue)
        for finding in (LOW, CRITICAL)
        for running in ANSWERS
        for overdue in ANSWERS
    ]
    assert all(one != other for one, other in permutations(ranks, 2))
