import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings.schedules import schedule_expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1 day", "rate(1 day)"),
        ("12 hours", "rate(12 hours)"),
        ("30 minutes", "rate(30 minutes)"),
        ("rate(1 day)", "rate(1 day)"),
        ("rate(5 minutes)", "rate(5 minutes)"),
        ("cron(0 6 * * ? *)", "cron(0 6 * * ? *)"),
        ("cron(0/15 8-18 ? * MON-FRI *)", "cron(0/15 8-18 ? * MON-FRI *)"),
        ("cron(0 6 L * ? 2026,2027)", "cron(0 6 L * ? 2026,2027)"),
        ("cron(0 6 ? * 2#1 *)", "cron(0 6 ? * 2#1 *)"),
    ],
)
def test_rates_and_cron_expressions_become_what_eventbridge_accepts(text, expression):
    assert schedule_expression(text) == expression


@pytest.mark.parametrize(
    "text",
    [
        *("", "day", "0 days", "-1 day", "1.5 days", "1 week", "1day", "01 day", "rate()", "1 Day"),
        *("rate 1 day", "rate(1 day", "1 day)", "rate(rate(1 day))", "cron()", "0 6 * * ? *"),
        # What EventBridge refuses, or the template would.
        *("1 days", "2 day", "30  minutes", " 1 hour ", "rate( 5 minutes )", "rate(1 days)"),
        *("cron(0)", "cron( 0 6 * * ? * )", "cron(0  6 * * ? *)", "1 day\n"),
        "cron(0 6 * * ?)",
        "cron(0 6 * * ? * *)",
        "cron(0 6 * * * *)",
        "cron(0 6 ? * ? *)",
        "cron(0 6 * * ? $)",
        "cron(0 6 * * ? *) or so",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a schedule; accepted: a rate .* or a cron"):
        schedule_expression(text)


@given(st.integers(1, 10**9), st.sampled_from(["minute", "hour", "day"]), st.booleans())
def test_a_rate_is_singular_for_one_and_plural_otherwise(value, unit, plural):
    text = f"{value} {unit}{'s' * plural}"
    if plural == (value == 1):
        with pytest.raises(ValueError, match="is not a schedule"):
            schedule_expression(text)
    else:
        assert schedule_expression(text) == f"rate({text})"
