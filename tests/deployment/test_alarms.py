"""What the alarms say of a course of events: each cause once, and nothing that ends by itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deployment.test_templates import of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from deployment.packages import Template

RATES_OF_A_DAY = (
    "1 day",
    "1 hour",
    *(f"{hours} hours" for hours in (*range(2, 10), 12, 24)),
    "1 minute",
    *(f"{minutes} minutes" for minutes in (5, 10, 24, 99, 240, 720, 999)),
)
LONGER_RATES = (
    *(f"{days} days" for days in (2, 10, 31)),
    *(f"{hours} hours" for hours in (25, 30, 36, 72, 100, 112, 120, 124, 168, 240)),
    *(f"{minutes} minutes" for minutes in (1441, 1450, 1500, 2010, 2880, 9999, 10000, 10080)),
)
HOUR = 12
"""Five minutes each: the period of most alarms."""


@pytest.fixture
def alarm(plain: Template) -> Callable[[str], dict[str, Any]]:
    return lambda name: of_type(plain, "AWS::CloudWatch::Alarm")[name]


def states(alarm: dict[str, Any], values: Iterable[float | None], periods: int = 0) -> list[str]:
    """The states that an alarm goes through, with one value a period, None where there is none.

    Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat
    missing data", without the points before the evaluation periods that it may look at.
    """
    periods = periods or alarm["EvaluationPeriods"]
    needed = periods if alarm.get("DatapointsToAlarm") is None else alarm["DatapointsToAlarm"]
    needed = periods if isinstance(needed, dict) else needed
    seen: list[float | None] = []
    found = ["OK"]
    for value in values:
        seen.append(value)
        window = seen[-periods:]
        if alarm["TreatMissingData"] == "ignore" and None in window:
            continue
        breaching = sum(_breaches(alarm, each) for each in window)
        state = "ALARM" if breaching >= needed else "OK"
        if state != found[-1]:
            found.append(state)
    return found


def _breaches(alarm: dict[str, Any], value: float | None) -> bool:
    if value is None:
        return bool(alarm["TreatMissingData"] == "breaching")
    if alarm["ComparisonOperator"] == "LessThanThreshold":
        return bool(value < alarm["Threshold"])
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    return bool(value > alarm["Threshold"])


@pytest.mark.parametrize("name", ["DeadJobsAlarm", "FailedEventsAlarm"])
class TestWhatIsKept:
    def test_is_an_alarm_at_once_and_until_some_hours_after_it_is_gone(
        self, alarm: Callable[[str], dict[str, Any]], name: str
    ) -> None:
        kept = [0, 1, *[1] * HOUR]
        assert states(alarm(name), kept) == ["OK", "ALARM"]
        assert states(alarm(name), [*kept, *[0] * 4 * HOUR]) == ["OK", "ALARM", "OK"]

    def test_is_the_same_alarm_where_it_is_sent_again_and_comes_back(
        self, alarm: Callable[[str], dict[str, Any]], name: str
    ) -> None:
        """A job is tried five times, half an hour apart; its queue is empty meanwhile."""
        tries = [0] * (5 * HOUR // 2)
        course = [0, *[1] * HOUR, *tries, *[1] * HOUR, *tries, *[1] * HOUR]
        assert states(alarm(name), course) == ["OK", "ALARM"]


def test_what_is_tried_again_is_no_alarm_by_itself(plain: Template) -> None:
    """An event that two invocations handle at once, a job that is redriven, a poison job: each
    fails a function, and is tried again; where that is in vain, it is kept, which is an alarm.
    """
    for name, alarm in of_type(plain, "AWS::CloudWatch::Alarm").items():
        metrics = {m["MetricStat"]["Metric"]["MetricName"] for m in alarm.get("Metrics", [])[1:]}
        assert "Errors" not in metrics or name == "NoListingAlarm"


class TestTheOldestJob:
    def test_is_an_alarm_when_it_has_waited_for_hours(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        ages = [300 * waited for waited in range(6 * HOUR + 4)]
        assert states(alarm("OldJobsAlarm"), ages) == ["OK", "ALARM"]
        assert states(alarm("OldJobsAlarm"), [*ages, 0, None]) == ["OK", "ALARM", "OK"]

    def test_is_none_for_a_job_that_fails_and_is_tried_again(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        """SQS leaves out messages that were received more than three times."""
        ages = [300.0 * waited for waited in range(3 * HOUR // 2)]
        assert states(alarm("OldJobsAlarm"), [*ages, None]) == ["OK"]


class TestListings:
    HOURS = 48
    FAILED = 0
    SUCCEEDED = 1

    def course(self, alarm: dict[str, Any], *days: int) -> list[str]:
        """The states when the lister runs once a day, as of the first run; hours without are 0."""
        assert alarm["Metrics"][0]["Expression"] == "FILL(runs, 0) - FILL(failed, 0)"
        values = [value for day in days for value in (day, *[0] * 23)]
        return states(alarm, values, self.HOURS)

    def test_are_watched_for_two_periods_by_default(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        wanted = {"Fn::If": ["HasListingAlarmHours", {"Ref": "ListingAlarmHours"}, self.HOURS]}
        watched = alarm("NoListingAlarm")
        assert watched["EvaluationPeriods"] == watched["DatapointsToAlarm"] == wanted
        assert {m["MetricStat"]["Period"] for m in watched["Metrics"][1:]} == {3600}

    def test_that_succeed_each_day_are_no_alarm_nor_one_that_fails(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        days = [self.SUCCEEDED, self.FAILED, self.SUCCEEDED, self.SUCCEEDED]
        assert self.course(alarm("NoListingAlarm"), *days) == ["OK"]

    def test_that_fail_for_two_days_are_one_alarm_until_one_succeeds(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        days = [self.SUCCEEDED, *[self.FAILED] * 5]
        assert self.course(alarm("NoListingAlarm"), *days) == ["OK", "ALARM"]
        days.append(self.SUCCEEDED)
        assert self.course(alarm("NoListingAlarm"), *days) == ["OK", "ALARM", "OK"]

    def test_that_have_not_been_yet_are_no_alarm(
        self, alarm: Callable[[str], dict[str, Any]]
    ) -> None:
        assert states(alarm("NoListingAlarm"), [None] * 100, self.HOURS) == ["OK"]

    def test_that_were_stopped_stay_an_alarm(self, alarm: Callable[[str], dict[str, Any]]) -> None:
        stopped = [1, *[0] * self.HOURS, *[None] * 100]
        assert states(alarm("NoListingAlarm"), stopped, self.HOURS) == ["OK", "ALARM"]

    def test_are_watched_at_rates_of_up_to_a_day(self, plain: Template) -> None:
        for rate in (*RATES_OF_A_DAY, *map("rate({})".format, RATES_OF_A_DAY)):
            assert holds("HasListingAlarm", plain, ScanRate=rate, ListingAlarmHours=""), rate

    def test_are_watched_at_others_where_it_is_said_for_how_long(self, plain: Template) -> None:
        rates = (*LONGER_RATES, *map("rate({})".format, LONGER_RATES), "cron(0 6 1 * ? *)")
        for rate in rates:
            assert not holds("HasListingAlarm", plain, ScanRate=rate, ListingAlarmHours=""), rate
            assert holds("HasListingAlarm", plain, ScanRate=rate, ListingAlarmHours="96")


def holds(name: str, template: Template, **parameters: str) -> bool:
    """Whether a condition of the template holds with these parameters."""
    known: dict[str, Any] = {}

    def value(part: Any) -> Any:
        if not isinstance(part, dict):
            return part
        # Conditions repeat what they are made of, many times over.
        text = json.dumps(part)
        if text not in known:
            known[text] = found(part)
        return known[text]

    def found(part: dict[str, Any]) -> Any:
        [(function, given)] = part.items()
        if function == "Condition":
            return value(template["Conditions"][given])
        if function == "Ref":
            return parameters[given]
        if function == "Fn::Sub":
            return re.sub(r"\$\{(\w+)\}", lambda found: parameters[found[1]], given)
        values = [value(each) for each in given]
        if function == "Fn::Select":
            return values[1][values[0]]
        if function == "Fn::Join":
            return value(given[0]).join(value(given[1]))
        if function == "Fn::Split":
            return values[1].split(values[0])
        if function == "Fn::Equals":
            return values[0] == values[1]
        if function == "Fn::Not":
            return not values[0]
        return any(values) if function == "Fn::Or" else all(values)

    return bool(value(template["Conditions"][name]))
