"""Services that note each scan as it is started, so that it can be said whatever comes then."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import Registry
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.services import Services
from ecr_scan_reporter.gate.errors import wording_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from chalicelib.policy.due import Reason


class NotAllowed(Exception):
    """ECR lets these credentials start no scan of a repository, so that asking again is in vain."""


class Starts:
    """How many scans were started, by repository, and what else the attempts ended with."""

    def __init__(self) -> None:
        self.started: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.noted: Callable[[int], None] = lambda _total: None
        """Called with how many were started so far, after each."""

    def note(self, repository: str) -> None:
        """Note that a scan of the repository was started."""
        self.started[repository] += 1
        self.noted(self.started.total())


class WatchedRegistry(Registry):
    """A registry whose scans that are started are noted."""

    def __init__(self, client: ECRClient, account: str | None, starts: Starts) -> None:
        super().__init__(client, account)
        self._starts = starts

    def start_scan(self, repository: str, digest: str) -> Reason | None:
        """As a registry does; :raises NotAllowed: where the permission is missing."""
        try:
            skipped = super().start_scan(repository, digest)
        except AWS_ERRORS as error:
            if is_refusal(error):
                raise NotAllowed(wording_of(error)) from error
            self._starts.failed[wording_of(error)] += 1
            raise
        if skipped is None:
            self._starts.note(repository)
        return skipped


class WatchedServices(Services):
    """Services whose registries note in ``starts`` what they start."""

    @cached_property
    def starts(self) -> Starts:
        """What was started so far."""
        return Starts()

    def _new_registry(self, client: Any, account: str | None) -> Registry:
        return WatchedRegistry(client, account, self.starts)
