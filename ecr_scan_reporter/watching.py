"""Services that note each scan as it is started, so that it can be said whatever comes then."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import Registry
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.services import Services
from ecr_scan_reporter.gate.errors import wording_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from chalicelib.policy.due import Reason


class Starts:
    """How many scans were started, by repository, and what the other attempts ended with.

    Several threads note at once. ``noted`` is called with how many were started, after each.
    """

    def __init__(self) -> None:
        self.started: Counter[str] = Counter()
        self.noted: Callable[[int], None] = lambda _total: None
        self._errors: dict[str, Exception] = {}
        self._lock = Lock()

    def note(self, repository: str, digest: str) -> None:
        """Note that a scan was started."""
        with self._lock:
            self.started[repository] += 1
            self._errors.pop(digest, None)
            self.noted(self.started.total())

    def note_error(self, digest: str, error: Exception) -> None:
        """Note why a scan was not started, which another attempt may undo."""
        with self._lock:
            self._errors[digest] = error

    def failures(self) -> str:
        """Why scans were not started since this was last asked; what is refused needs no number."""
        errors, self._errors = self._errors, {}
        refused = [wording_of(error) for error in errors.values() if is_refusal(error)]
        if refused:
            return refused[0]
        counts = Counter(map(wording_of, errors.values()))
        return "scans not started: " + ", ".join(f"{n} times {why}" for why, n in counts.items())


class WatchedRegistry(Registry):
    """A registry whose scans that are started are noted."""

    def __init__(self, client: ECRClient, account: str | None, starts: Starts) -> None:
        super().__init__(client, account)
        self._starts = starts

    def start_scan(self, repository: str, digest: str) -> Reason | None:
        """As a registry does."""
        try:
            skipped = super().start_scan(repository, digest)
        except AWS_ERRORS as error:
            self._starts.note_error(digest, error)
            raise
        if skipped is None:
            self._starts.note(repository, digest)
        return skipped


class WatchedServices(Services):
    """Services whose registries note in ``starts`` what they start."""

    @cached_property
    def starts(self) -> Starts:
        """What was started so far."""
        return Starts()

    def _new_registry(self, client: Any, account: str | None) -> Registry:
        return WatchedRegistry(client, account, self.starts)
