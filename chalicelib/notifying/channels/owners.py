"""Topics of owners' own: what is reported of their repositories, beside the topics of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.notifying.channels import chat, chat_roundups, topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.notifying.report import Report
    from chalicelib.policy.roundups import Roundup
    from chalicelib.services import Services
    from chalicelib.settings.owner_topics import OwnerTopic


@dataclass(frozen=True)
class ToOwner:
    """How one topic of an owner's gets reports."""

    own: OwnerTopic

    def of_report(self, report: Report, services: Services) -> Mapping[str, Any]:
        """What is published of a report by itself."""
        word = chat.content_of_report if self.own.is_chat else topic.content_of_report
        return word(report, services)

    def of_roundup(self, roundup: Roundup, services: Services) -> Mapping[str, Any]:
        """What is published of several images."""
        word = chat_roundups.content_of_roundup if self.own.is_chat else topic.content_of_roundup
        return word(roundup, services)

    def publish(self, content: Mapping[str, Any], services: Services) -> None:
        """Publish it. Source: SNS Publish."""
        if self.own.is_chat:
            chat.publish_to(services.chat_topic_at(self.own.arn), content)
        else:
            topic.publish_to(services.report_topic_at(self.own.arn), content)

    def deliver(self, report: Report, services: Services) -> None:
        """Publish a report at once."""
        self.publish(self.of_report(report, services), services)
