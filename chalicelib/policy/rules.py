"""Which of a repository's images to review and how often.

A rule that a repository's ECR tags give wins over the same rule of the settings; what a request
names wins over both.
"""

import re
from dataclasses import dataclass, fields, replace

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.durations import Duration
from chalicelib.policy.thresholds import Thresholds


@dataclass(frozen=True)
class Rules:
    """The rules of one repository; None where nothing is said."""

    skip: bool | None = None
    duration: Duration | None = None
    tag_pattern: re.Pattern[str] | None = None
    tagged_only: bool | None = None
    newest: int | None = None
    pushed_within: Duration | None = None
    pulled_within: Duration | None = None
    critical: int | None = None
    high: int | None = None
    medium: int | None = None
    low: int | None = None
    informational: int | None = None
    undefined: int | None = None

    @property
    def select(self) -> bool:
        """Whether any rule keeps some images from being reviewed."""
        choices = (self.tag_pattern, self.newest, self.pushed_within, self.pulled_within)
        return bool(self.tagged_only) or any(choice is not None for choice in choices)

    def over(self, others: "Rules") -> "Rules":
        """These rules, with the others' where these say nothing."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(others, **{name: value for name, value in said.items() if value is not None})

    def thresholds(self, settings: Thresholds) -> Thresholds:
        """The settings' thresholds with those of these rules in their place."""
        given = {severity: getattr(self, severity.lower()) for severity in SEVERITIES}
        return settings.with_counts(
            {severity: count for severity, count in given.items() if count is not None}
        )
