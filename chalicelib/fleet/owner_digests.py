"""The digests of owners with topics of their own: of their repositories, kept and sent once."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, partial
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.fleet.collecting import OUT_OF_TIME
from chalicelib.fleet.digest_keys import DigestKeys
from chalicelib.fleet.digest_messages import digest_message, digest_notification
from chalicelib.fleet.kept_reports import keep_json, keep_page, read_report, stored_report
from chalicelib.fleet.marks import Mark, last_sent
from chalicelib.fleet.owner_parts import OwnerParts
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.collecting import Gathered
    from chalicelib.fleet.feeds import Feeds
    from chalicelib.fleet.report import FleetReport
    from chalicelib.runtime.deadline import Deadline
    from chalicelib.services import Services
    from chalicelib.settings.owner_topics import OwnerTopic


def keep_parts(
    gathered: Gathered,
    feeds: Feeds | None,
    scheduled: datetime,
    services: Services,
    bucket: ReportBucket,
) -> None:
    """Keep each owner's report, compared with the last that the owner was sent; one at a time.

    What is wrong with one owner's costs that one; it is logged and counted. Calls: s3:GetObject and
    s3:PutObject on ``fleet-reports/*``, s3:ListBucket.
    """
    owners = _by_owner(services)
    if not owners:
        return
    parts = OwnerParts(gathered)
    for owner, topics in owners.items():
        try:
            _keep_part(parts, feeds, DigestKeys(scheduled, owner), bucket)
        except AWS_ERRORS:
            raise  # the whole is tried again
        except Exception as error:
            for each in topics:
                logs.not_delivered(each.channel, error)


def _keep_part(
    parts: OwnerParts, feeds: Feeds | None, keys: DigestKeys, bucket: ReportBucket
) -> None:
    earlier = last_sent(keys, bucket)
    part = parts.of(keys.owner, earlier)
    if part is None:
        return
    part = (feeds.added_to(part) if feeds else part).with_point(earlier)
    keep_page(part, keys, bucket)
    keep_json(part, keys, bucket)


def send_parts(
    scheduled: datetime, services: Services, bucket: ReportBucket, deadline: Deadline
) -> dict[str, str]:
    """Send owners the reports that are kept of a time, each topic once; says which failed, and why.

    Calls: s3:GetObject and s3:PutObject on ``fleet-reports/*``, s3:DeleteObject on
    ``fleet-reports/sent/*``, s3:ListBucket; sns:Publish.
    """
    failures: dict[str, str] = {}
    for owner, topics in _by_owner(services).items():
        part = _KeptPart(DigestKeys(scheduled, owner), services, bucket)
        for each in topics:
            try:
                part.send(each, deadline)
            except Exception as error:
                logs.not_delivered(each.channel, error)
                failures[each.channel] = str(error)
    return failures


class _KeptPart:
    def __init__(self, keys: DigestKeys, services: Services, bucket: ReportBucket) -> None:
        self._keys, self._services, self._bucket = keys, services, bucket

    @cached_property
    def _report(self) -> FleetReport | None:
        return read_report(self._keys.json, self._bucket)

    def send(self, topic: OwnerTopic, deadline: Deadline) -> None:
        """Publish the report to a topic that does not have it, if there is one."""
        mark = Mark(self._keys.mark_of(topic), self._bucket)
        if mark.is_sent() or self._report is None:
            return
        if not deadline.allows():
            raise TimeoutError(OUT_OF_TIME)
        mark.send(partial(self._publish, topic, self._report))
        about = {"channel": topic.channel, "json_key": self._keys.json}
        logs.logger.info("digest sent to owner", extra=about)

    def _publish(self, topic: OwnerTopic, report: FleetReport) -> None:
        services, stored = self._services, stored_report(self._keys, self._bucket)
        if topic.is_chat:
            services.chat_topic_at(topic.arn).publish(digest_notification(report, stored))
        else:
            message = digest_message(report, stored, services.settings.channels)
            services.report_topic_at(topic.arn).publish(message)


def _by_owner(services: Services) -> Mapping[str, list[OwnerTopic]]:
    found: dict[str, list[OwnerTopic]] = defaultdict(list)
    for each in services.settings.owner_topics or ():
        found[each.owner].append(each)
    return found
