"""Which images come first where more are due than a day allows."""

import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.policy.budget import Budget, Tier

NONE = Counter()
TODAY = date(2026, 5, 1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def offer(budget, name, tier, job, scanned_days_ago=None, put=None):
    digest = f"sha256:{hashlib.sha256(str(name).encode()).hexdigest()}"
    scanned = None if scanned_days_ago is None else NOON - timedelta(days=scanned_days_ago)
    (put or budget.offer)(digest, int(scanned.timestamp()) if scanned else 0, tier, job)


def test_in_use_comes_first_then_newest_tagged_then_the_rest_the_oldest_scan_first():
    budget = Budget(10, TODAY)
    offer(budget, "in vain", Tier.DOUBTFUL, 5, 300)
    offer(budget, "other fresh", Tier.OTHER, 0, 8)
    offer(budget, "other stale", Tier.OTHER, 1, 80)
    offer(budget, "other never", Tier.OTHER, 2)
    offer(budget, "tagged", Tier.NEWEST_TAGGED, 3, 8)
    offer(budget, "in use", Tier.IN_USE, 4, 8)
    assert [entry.job for entry in budget.chosen(10)] == [4, 3, 2, 1, 0, 5]
    assert [entry.job for entry in budget.chosen(3)] == [4, 3, 2]


@given(
    st.lists(st.tuples(st.sampled_from(Tier), st.integers(1, 99)), max_size=60), st.integers(0, 9)
)
def test_what_is_kept_is_what_sorting_everything_would_keep(offers, size):
    small, large = Budget(size, TODAY), Budget(1_000, TODAY)
    for number, (tier, days) in enumerate(offers):
        for budget in (small, large):
            offer(budget, number, tier, number, days)
    assert small.chosen(size) == large.chosen(1_000)[:size]
    assert small.offered == len(offers)


def test_what_is_kept_takes_the_place_of_what_comes_before_it():
    budget = Budget(2, TODAY)
    offer(budget, "kept", Tier.OTHER, 9, 8, put=budget.keep)
    for number in range(6):
        offer(budget, number, Tier.IN_USE, number, 80 - number)
    assert budget.offered == 7
    assert [entry.job for entry in budget.chosen(2)] == [0, 9]
    assert [entry.job for entry in budget.chosen(0)] == [9]


def test_there_is_no_room_once_enough_images_that_come_first_were_never_scanned():
    budget = Budget(2, TODAY)
    offer(budget, "other", Tier.OTHER, 0)
    offer(budget, "scanned", Tier.OTHER, 1, 80)
    assert budget.has_room_for(Tier.OTHER, NONE)
    assert not budget.has_room_for(Tier.OTHER, Counter({Tier.OTHER: 1}))
    offer(budget, "tagged", Tier.NEWEST_TAGGED, 2)
    assert not budget.has_room_for(Tier.OTHER, NONE)
    assert budget.has_room_for(Tier.NEWEST_TAGGED, NONE)
    offer(budget, "in use", Tier.IN_USE, 3)
    assert not budget.has_room_for(Tier.NEWEST_TAGGED, NONE)
    assert budget.has_room_for(Tier.IN_USE, NONE)


def test_where_no_scan_time_is_known_every_image_has_its_turn_within_days():
    """A tenth of the images a day: the least is ten days, and all have had a scan within 27."""
    scanned = set()
    for day in range(27):
        budget = Budget(50, TODAY + timedelta(days=day))
        for number in range(500):
            offer(budget, number, Tier.OTHER, number)
        scanned |= {entry.job for entry in budget.chosen(50)}
    assert len(scanned) == 500
