"""The simulation of weeks on basic scanning, at a size that tests have time for."""

import pytest

from benchmarks.native import Fleet, Weeks, printed, simulate

# What it runs is covered line by line elsewhere; counting the lines here too doubles the time.
pytestmark = pytest.mark.no_cover

SMALL = {"images": 20, "repositories": 2, "days": 17, "rebuilds": 1, "wiped_on": 10}


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_each_image_is_scanned_once_a_duration_and_never_late(lost):
    weeks = simulate(Fleet(lost=lost, **SMALL))
    assert weeks.oldest_days < 8
    assert weeks.starts * 7 / (20 * 17) <= 1.05
    # Once as the table is empty, and once again as it was emptied; rebuilds whose event was lost.
    assert 20 <= weeks.look_ups_in_first_week <= 20 + 7 * bool(lost)
    assert weeks.look_ups_after_wipe == 20
    assert weeks.refused == 0


def test_the_figures_are_of_an_image_and_a_duration_or_week():
    weeks = Weeks(
        Fleet(images=100, days=28),
        starts=380,
        on_push=20,
        look_ups=160,
        look_ups_in_first_week=100,
        look_ups_after_wipe=30,
        oldest_seconds=86_400 * 7.5,
    )
    assert weeks.scans_a_duration == 1.0
    assert weeks.look_ups_a_week == pytest.approx(30 / 3 / 100)
    assert weeks.oldest_days == 7.5
    assert printed([weeks]).row_count == 1
