"""Days' budgets in the table, over real boto3 calls to moto's DynamoDB."""

from datetime import date
from unittest.mock import patch

import boto3
import pytest

from chalicelib.aws import scan_budgets
from chalicelib.aws.dynamodb import Table
from chalicelib.aws.scan_budgets import ScanBudgets
from chalicelib.runtime.backoff import Throttled

PLACE = "123456789012/eu-west-1"
DAY, NEXT_DAY = date(2026, 5, 1), date(2026, 5, 2)
DAY_SECONDS = 86_400


@pytest.fixture
def table(history_table, clock):
    return Table(boto3.client("dynamodb"), history_table, clock)


@pytest.fixture
def reserve(table):
    """Reserve scans of these images for a job; by default of a budget of five."""

    def call(job, images, size=5, seen=0, day=DAY, place=PLACE):
        return ScanBudgets(table).reserve(place, day, job, images, size, seen)

    return call


def images(count, name="image"):
    return [f"{name} {number}" for number in range(count)]


def test_a_job_has_what_others_have_left_of_the_day(reserve):
    assert reserve("first", images(3)) == images(3)
    assert reserve("second", images(4, "other")) == images(2, "other")
    assert reserve("third", images(1, "third")) == []
    assert reserve("third", images(1, "third"), day=NEXT_DAY) == images(1, "third")
    assert reserve("third", images(1, "third"), place="other") == images(1, "third")


def test_a_job_that_comes_again_has_what_it_had_and_no_other_images(reserve):
    reserve("job", images(3))
    assert reserve("job", [*images(4, "new"), *images(2)]) == images(2)
    assert reserve("other", images(9, "other")) == images(2, "other")


def test_what_is_held_of_a_day_is_what_all_jobs_have_reserved(reserve, table):
    reserve("first", images(2))
    reserve("second", images(9, "other"))
    reserve("first", images(4, "next"), day=NEXT_DAY)
    held = ScanBudgets(table).held(PLACE, DAY)
    assert held.jobs == {"first", "second"}
    everything = [*images(2), *images(9, "other"), *images(4, "next")]
    assert [each for each in everything if each in held] == [*images(2), *images(3, "other")]
    assert "image 0" not in ScanBudgets(table).held("other", DAY)


def test_what_a_job_chose_and_could_not_reserve_is_not_held(reserve, table):
    with (
        patch.object(scan_budgets, "_ATTEMPTS", 0),
        pytest.raises(Throttled),
    ):
        reserve("job", images(2))
    held = ScanBudgets(table).held(PLACE, DAY)
    assert (held.jobs, "image 0" in held) == ({"job"}, False)


def test_scans_that_nobody_reserved_are_taken_beside_those_that_are_reserved(reserve):
    reserve("first", images(2), seen=1)
    assert reserve("second", images(9), seen=2) == images(1)


def test_scans_that_were_seen_stay_taken_when_others_do_not_see_them(reserve):
    reserve("first", images(1), seen=2)
    assert reserve("second", images(9)) == images(2)


def test_scans_that_earlier_jobs_reserved_are_not_taken_twice(reserve, monkeypatch):
    monkeypatch.setattr(scan_budgets, "MOST_JOBS", 1)
    for number in range(3):
        reserve(f"job {number}", images(1))
    # Those of two jobs have begun, and it is not known any more that these reserved them.
    assert reserve("last", images(9), seen=2) == images(2)


def test_nothing_is_reserved_where_nothing_is_chosen(reserve, table):
    assert reserve("job", []) == []
    assert list(table.query(f"budget#{PLACE}")) == []


def test_two_deliveries_at_once_have_the_choice_of_the_one_that_came_first(reserve, table):
    before = dict(table.query(f"budget#{PLACE}"))
    reserve("job", images(3))
    with patch.object(Table, "batch_get", return_value=before.values()):
        assert reserve("job", [*images(3, "new"), *images(1)]) == images(1)


def test_two_jobs_at_once_do_not_have_the_same_part_of_the_budget(reserve, table):
    reserve("first", images(1))
    before = list(table.query(f"budget#{PLACE}"))
    reserve("second", images(2, "second"))
    with patch.object(Table, "batch_get", return_value=before):
        assert reserve("third", images(4, "third")) == images(2, "third")


def test_a_day_that_changes_all_the_time_is_tried_again_later(reserve):
    with (
        patch.object(scan_budgets, "_ATTEMPTS", 0),
        pytest.raises(Throttled, match="the budget of 2026-05-01 changes all the time"),
    ):
        reserve("job", images(1))


def test_the_largest_budget_fits_into_items(reserve):
    chosen = images(100_000)
    assert reserve("job", chosen, size=100_000) == chosen
    assert reserve("job", chosen, size=100_000) == chosen
    assert reserve("other", images(1, "other"), size=100_000) == []


def test_what_earlier_jobs_reserved_stays_counted_when_there_are_many(reserve, monkeypatch):
    monkeypatch.setattr(scan_budgets, "MOST_JOBS", 2)
    for number in range(4):
        assert reserve(f"job {number}", images(1)) == images(1)
    assert reserve("last", images(3, "last")) == images(1, "last")


def test_what_is_kept_of_a_day_ends_after_some_days(reserve, table, clock):
    reserve("job", images(1))
    clock.now += 3 * DAY_SECONDS
    assert len(list(table.query(f"budget#{PLACE}"))) == 2
    clock.now += 2 * DAY_SECONDS
    assert list(table.query(f"budget#{PLACE}")) == []
