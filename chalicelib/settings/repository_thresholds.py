"""Thresholds of repositories, by a pattern of their names."""

from chalicelib.ecr.severities import SEVERITIES
from chalicelib.policy.thresholds import RepositoryThresholds
from chalicelib.settings.values import parse_count

ACCEPTED_REPOSITORY_THRESHOLDS = (
    "thresholds of repositories, such as payments/*: CRITICAL=1 HIGH=5; sandbox/*: CRITICAL=20"
)


def parse_repository_thresholds(text: str) -> tuple[RepositoryThresholds, ...]:
    """Read :data:`ACCEPTED_REPOSITORY_THRESHOLDS`; :raises ValueError: for anything else."""
    return tuple(_repository_thresholds(entry) for entry in text.split(";") if entry.strip())


def _repository_thresholds(entry: str) -> RepositoryThresholds:
    pattern, colon, rest = entry.partition(":")
    counts: dict[str, int] = {}
    for word in rest.split():
        severity, _, count = word.partition("=")
        if severity not in SEVERITIES or severity in counts:
            raise ValueError(entry)
        counts[severity] = parse_count(count)
    if not pattern.strip() or not colon or not counts:
        raise ValueError(entry)
    return RepositoryThresholds(pattern.strip(), counts)
