"""The AWS services that the functions use, each made when a function first needs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.aws.clients import client

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.ecr import Registry
    from chalicelib.aws.sns import ReportTopic
    from chalicelib.aws.sqs import JobsQueue
    from chalicelib.settings import Settings


class Services:
    """The settings and, made lazily and once, the registry, the queue and the topic.

    ``client`` makes the boto3 client of a service from its name.
    """

    def __init__(self, settings: Settings, client: Callable[[str], Any] = client) -> None:
        self.settings = settings
        self._client = client

    @cached_property
    def registry(self) -> Registry:
        """The registry whose repositories are listed and scanned."""
        from chalicelib.aws.ecr import Registry

        return Registry(self._client("ecr"))

    @cached_property
    def jobs_queue(self) -> JobsQueue:
        """The queue between lister and scanner; :raises SettingError: when it is not set."""
        from chalicelib.aws.sqs import JobsQueue

        return JobsQueue(self._client("sqs"), self.settings.require_jobs_queue_url())

    @cached_property
    def report_topic(self) -> ReportTopic:
        """The topic of the reports; :raises SettingError: when it is not set."""
        from chalicelib.aws.sns import ReportTopic

        return ReportTopic(self._client("sns"), self.settings.require_report_topic_arn())
