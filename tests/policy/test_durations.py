from datetime import UTC, datetime, timedelta, timezone

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.policy.durations import Duration

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
NUMBERS = st.integers(0, 1000)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", datetime(2026, 3, 24, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 3, 17, 12, tzinfo=UTC)),
        ("36h", datetime(2026, 3, 30, 0, tzinfo=UTC)),
        ("1m2w3d", datetime(2026, 2, 11, 12, tzinfo=UTC)),
        ("12m", datetime(2025, 3, 31, 12, tzinfo=UTC)),
        ("120d", datetime(2025, 12, 1, 12, tzinfo=UTC)),
        ("007d", datetime(2026, 3, 24, 12, tzinfo=UTC)),
        ("0m0w1d0h", datetime(2026, 3, 30, 12, tzinfo=UTC)),
    ],
)
def test_months_weeks_days_and_hours_count_back(text, moment):
    assert Duration.parse(text).before(NOON) == moment


def test_a_month_is_a_calendar_month_even_where_the_day_does_not_exist():
    assert Duration.parse("1m").before(NOON) == datetime(2026, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "0d", "0m0w0d0h", "00h", "7", "d", "m", "7D", "7y", "7s", "7 d", " 7d", "7d "),
        *("7d\n", "-7d", "+7d", "1.5d", "1,000d", "3d1m", "1d1w", "1h1d", "1w1m", "1d1d", "7days"),
        *("7dx", "x7d", "1m 2w", "P7D", "٧d", "²d", "1_0d"),  # noqa: RUF001
    ],
)
def test_anything_but_units_in_order_is_refused(text):
    with pytest.raises(ValueError, match="not a duration; accepted: months, weeks, days and hours"):
        Duration.parse(text)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_each_unit_takes_any_number(months, weeks, days, hours):
    assume(months or weeks or days or hours)
    duration = Duration.parse(f"{months}m{weeks}w{days}d{hours}h")
    assert duration.before(NOON) == NOON - relativedelta(
        months=months, weeks=weeks, days=days, hours=hours
    )


@given(st.permutations("mwdh"), st.sets(st.sampled_from("mwdh"), min_size=1))
def test_units_are_read_in_the_one_order_only(order, present):
    units = [unit for unit in order if unit in present]
    text = "".join(f"2{unit}" for unit in units)
    if units == [unit for unit in "mwdh" if unit in present]:
        assert Duration.parse(text).text == text
    else:
        with pytest.raises(ValueError, match="not a duration"):
            Duration.parse(text)


@given(st.text())
def test_any_text_is_a_duration_or_a_clear_error(text):
    try:
        duration = Duration.parse(text)
    except ValueError:
        return
    assert duration.before(NOON) < NOON


@given(st.integers(1, 9000), st.sampled_from("mwdh"))
def test_a_number_of_any_length_is_taken_and_never_fails_later(digits, unit):
    assert Duration.parse("9" * digits + unit).before(NOON) < NOON


@pytest.mark.parametrize("unit", "mwdh")
def test_what_is_longer_than_the_calendar_goes_back_to_its_beginning(unit):
    beginning = Duration.parse("9" * 400 + unit).before(NOON)
    assert beginning == datetime.min.replace(tzinfo=UTC)


@given(st.datetimes(timezones=st.timezones()))
def test_the_moment_is_aware_and_in_utc_whatever_the_zone(moment):
    assume(1900 < moment.year < 9000)
    before = Duration.parse("1d").before(moment)
    assert before.utcoffset() == timedelta(0)
    assert moment - before == timedelta(days=1)


def test_days_are_counted_in_utc():
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert Duration.parse("1m").before(moment) == datetime(2025, 11, 30, 23, tzinfo=UTC)


def test_a_duration_is_what_was_written():
    assert Duration.parse("14d") == Duration.parse("14d")
    assert Duration.parse("14d") != Duration.parse("2w")
