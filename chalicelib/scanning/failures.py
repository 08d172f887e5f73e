"""What could not be done while the rest was, by the names of what it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import TokenExpired
from chalicelib.aws.errors import AWS_ERRORS, reason_of
from chalicelib.runtime.patterns import PatternTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.aws.sqs import Job

_MOST_TRIES = 3

UNREAD = (PatternTooSlow, TokenExpired, *AWS_ERRORS)
"""What reading and reviewing a repository fails with, which is no other repository's matter."""


class ScansNotStarted(Exception):
    """Some scans were not started or planned for a reason that may pass: says which and why.

    ``rest`` are jobs of nothing but what is left; there are none where the job that failed is no
    more than that already.
    """

    def __init__(self, message: str, rest: Sequence[Job] = ()) -> None:
        super().__init__(message)
        self.rest = tuple(rest)


class RepositoriesNotRead(Exception):
    """Some repositories could not be read: ``reasons`` says why, by name, as ``errors`` are."""

    def __init__(self, failures: Failures) -> None:
        super().__init__(f"{len(failures)} repositories not read: {failures}")
        self.reasons = failures.reasons()
        self.errors = failures.errors()


class Failures:
    """What failed and why, by name: images by their digests, or repositories."""

    def __init__(self) -> None:
        self._errors: dict[str, Exception] = {}
        self._tries: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._errors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._errors)

    def __str__(self) -> str:
        """All names, those that failed alike together, and what they failed with."""
        alike: dict[str, list[str]] = {}
        for name, error in self._errors.items():
            alike.setdefault(_kind(error), []).append(name)
        return "; ".join(
            f"{', '.join(names)}: {self._errors[names[0]]}" for names in alike.values()
        )

    def errors(self) -> dict[str, Exception]:
        """What each failed with."""
        return dict(self._errors)

    def reasons(self) -> dict[str, str]:
        """What each failed with, in words."""
        return {name: str(error) for name, error in self._errors.items()}

    def add(self, name: str, error: Exception) -> None:
        """Note what failed for good, as far as this delivery goes."""
        self._errors[name] = error

    def may_try_again(self, name: str) -> bool:
        """Whether what failed in passing has another try, which this counts."""
        self._tries[name] += 1
        return self._tries[name] < _MOST_TRIES


def _kind(error: Exception) -> str:
    return reason_of(error) if isinstance(error, AWS_ERRORS) else str(error)
