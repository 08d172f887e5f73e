"""The kinds of values that settings have: how each is parsed, and what is accepted.

What a kind accepts is said in a way that CloudFormation and JSON Schema can say too, so that a
parameter, a configuration file and an environment variable accept the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Generic, TypeVar

from chalicelib.ecr.registries import (
    ACCEPTED_EXTERNAL_IDS,
    ACCEPTED_REGIONS,
    ACCEPTED_ROLES,
    EXTERNAL_ID_PATTERN,
    REGIONS_PATTERN,
    ROLE_PATTERN,
    ROLES_PATTERN,
    parse_external_id,
    parse_regions,
    parse_roles,
)
from chalicelib.policy.budget import MOST_SCANS_A_DAY
from chalicelib.policy.changes import NOTIFY_MODES, REPORTED_IMAGES
from chalicelib.policy.due_dates import ACCEPTED_DUE_TIMES, DUE_TIMES_PATTERN, DueTimes
from chalicelib.policy.durations import ACCEPTED_DURATIONS, DURATION_PATTERN, Duration
from chalicelib.runtime.patterns import ACCEPTED_PATTERNS, LONGEST_PATTERN, parse_pattern
from chalicelib.settings.owner_topics import (
    ACCEPTED_OWNER_TOPICS,
    OWNER_TOPICS_PATTERN,
    TOPIC_ARN_PATTERN,
    parse_owner_topics,
)
from chalicelib.settings.repository_thresholds import (
    ACCEPTED_REPOSITORY_THRESHOLDS,
    REPOSITORY_THRESHOLDS_PATTERN,
    parse_repository_thresholds,
)
from chalicelib.settings.schedules import (
    ACCEPTED_SCHEDULES,
    SCHEDULE_PATTERN,
    schedule_expression,
)
from chalicelib.settings.sources import (
    ACCEPTED_SOURCES,
    BUCKET_PATTERN,
    SOURCE_PATTERN,
    parse_source,
)
from chalicelib.settings.values import (
    ACCEPTED_COUNTS,
    ACCEPTED_OWNERS,
    ACCEPTED_POSITIVES,
    ACCEPTED_PROBABILITIES,
    ACCEPTED_SCORES,
    ACCEPTED_SWITCHES,
    ACCEPTED_WINDOWS,
    COUNT_PATTERN,
    OWNER_PATTERN,
    POSITIVE_PATTERN,
    PROBABILITY_PATTERN,
    SCORE_PATTERN,
    WINDOW_PATTERN,
    parse_count,
    parse_owner,
    parse_positive,
    parse_probability,
    parse_score,
    parse_switch,
    parse_window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Value = TypeVar("Value")

STRING, INTEGER, NUMBER, BOOLEAN = "string", "integer", "number", "boolean"
"""What values are written as, in the words of JSON Schema."""


class Kind(Generic[Value]):
    """A kind of values.

    A text is accepted when it is one of ``values``, or matches ``pattern`` as a whole, or, without
    either, has at most ``longest`` characters; and when ``parse`` raises no ValueError, which it
    does only where no pattern can say it. ``accepted`` says it to people. ``written`` is how a
    configuration file writes the value, a number within ``bounds``.
    """

    def __init__(
        self,
        parse: Callable[[str], Value],
        accepted: str,
        *,
        pattern: str = "",
        values: Sequence[str] = (),
        longest: int = 0,
        written: str = STRING,
        bounds: tuple[int, int] | None = None,
    ) -> None:
        self.accepted = accepted
        self.pattern = pattern
        self.values = tuple(values)
        self.longest = longest
        self.written = written
        self.bounds = bounds
        self._parse = parse

    def admits(self, text: str) -> bool:
        """Whether CloudFormation accepts the text as a parameter of this kind."""
        if self.values:
            return text in self.values
        if self.pattern:
            return bool(re.fullmatch(self.pattern, text))
        return len(text) <= self.longest

    def parse(self, text: str) -> Value:
        """The value that the text says; :raises ValueError: when it is not accepted."""
        if not self.admits(text):
            raise ValueError(text)
        return self._parse(text)


def one_of(*values: str) -> Kind[str]:
    """One of these words."""
    return Kind(str, ", ".join(values), values=values)


def matching(pattern: str, accepted: str) -> Kind[str]:
    """A text that matches the pattern as a whole."""
    return Kind(str, accepted, pattern=pattern)


_MOST = 10**18 - 1

SWITCH = Kind(parse_switch, ACCEPTED_SWITCHES, values=("true", "false"), written=BOOLEAN)
COUNT = Kind(
    parse_count, ACCEPTED_COUNTS, pattern=COUNT_PATTERN, written=INTEGER, bounds=(0, _MOST)
)
POSITIVE = Kind(
    parse_positive, ACCEPTED_POSITIVES, pattern=POSITIVE_PATTERN, written=INTEGER, bounds=(1, _MOST)
)
BUDGET = Kind(
    parse_positive,
    f"a whole number from 1 to {MOST_SCANS_A_DAY}",
    pattern=f"[1-9][0-9]{{0,4}}|{MOST_SCANS_A_DAY}",
    written=INTEGER,
    bounds=(1, MOST_SCANS_A_DAY),
)
SCORE = Kind(parse_score, ACCEPTED_SCORES, pattern=SCORE_PATTERN, written=NUMBER, bounds=(0, 10))
PROBABILITY = Kind(
    parse_probability,
    ACCEPTED_PROBABILITIES,
    pattern=PROBABILITY_PATTERN,
    written=NUMBER,
    bounds=(0, 1),
)
DURATION = Kind(Duration.parse, ACCEPTED_DURATIONS, pattern=DURATION_PATTERN)
PATTERN = Kind(parse_pattern, ACCEPTED_PATTERNS, longest=LONGEST_PATTERN)
SCHEDULE = Kind(schedule_expression, ACCEPTED_SCHEDULES, pattern=SCHEDULE_PATTERN)
REGIONS = Kind(parse_regions, ACCEPTED_REGIONS, pattern=REGIONS_PATTERN)
ROLE = matching(ROLE_PATTERN, "the ARN of an IAM role")
ROLES = Kind(parse_roles, ACCEPTED_ROLES, pattern=ROLES_PATTERN)
EXTERNAL_ID = Kind(parse_external_id, ACCEPTED_EXTERNAL_IDS, pattern=EXTERNAL_ID_PATTERN)
REPOSITORY_THRESHOLDS = Kind(
    parse_repository_thresholds,
    ACCEPTED_REPOSITORY_THRESHOLDS,
    pattern=REPOSITORY_THRESHOLDS_PATTERN,
)
SOURCE = Kind(parse_source, ACCEPTED_SOURCES, pattern=SOURCE_PATTERN)
NOTIFY_MODE = one_of(*NOTIFY_MODES)
DUE_TIMES = Kind(DueTimes.parse, ACCEPTED_DUE_TIMES, pattern=DUE_TIMES_PATTERN)
REPORT_IMAGES = one_of(*REPORTED_IMAGES)
WINDOW = Kind(parse_window, ACCEPTED_WINDOWS, pattern=WINDOW_PATTERN)
OWNER = Kind(parse_owner, ACCEPTED_OWNERS, pattern=OWNER_PATTERN)
LOG_LEVEL = one_of("DEBUG", "INFO", "WARNING", "ERROR")

_PART = "[!-.0-~]+"  # visible, without a slash
QUEUE_URL = matching(
    f"https?://{_PART}/({_PART}/)*[A-Za-z0-9_-]{{1,80}}/?",
    "an SQS queue URL",
)
TOPIC_ARN = matching(TOPIC_ARN_PATTERN, "an SNS topic ARN")
OWNER_TOPICS = Kind(parse_owner_topics, ACCEPTED_OWNER_TOPICS, pattern=OWNER_TOPICS_PATTERN)
EVENT_BUS = matching(
    "arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9_./-]{1,256}",
    "the ARN of an EventBridge event bus",
)
TABLE_NAME = matching("[A-Za-z0-9_.-]{3,255}", "the name of a DynamoDB table")
BUCKET_NAME = matching(BUCKET_PATTERN, "the name of an S3 bucket")
WEB_ADDRESS = matching("https?://[!-~]{1,500}", "an address of the web (http or https)")
