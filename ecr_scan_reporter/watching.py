"""Services that note each scan as it is started, so that it can be said whatever comes then."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.ecr import Registry
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.services import Services
from ecr_scan_reporter.gate.errors import wording_of

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.policy.due import Reason


class NotAllowed(Exception):
    """ECR lets these credentials start no scan of a repository, so that asking again is in vain."""


class Starts:
    """How many scans were started, by repository, and what else the attempts ended with."""

    def __init__(self) -> None:
        self.started: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()


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
        self._starts.started[repository] += skipped is None
        return skipped


class WatchedServices(Services):
    """Services whose registries note in ``starts`` what they start."""

    @cached_property
    def starts(self) -> Starts:
        """What was started so far."""
        return Starts()

    def registry_of(self, address: RegistryAddress) -> Registry:
        """A registry, through the role of its account, if there is one."""
        if address not in self._registries:
            client = self._client_at("ecr", address)
            self._registries[address] = WatchedRegistry(client, address.account, self.starts)
        return self._registries[address]
