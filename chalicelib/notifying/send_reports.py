"""The news that was collected, sent: of each channel by itself, each message once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.news import MOST_TOGETHER, BeingSent
from chalicelib.notifying.channels import owner_senders, senders
from chalicelib.notifying.delivery import NotDelivered
from chalicelib.policy.news import due
from chalicelib.policy.roundups import roundup_of
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.aws.news import NewsStore, Sending
    from chalicelib.notifying.channels import Sender, Wording
    from chalicelib.policy.news import News
    from chalicelib.services import Services


def send_reports(services: Services) -> None:
    """Send what is due. One channel that fails does not keep the others from theirs.

    Before a message is sent it is noted of which news it is, and afterwards that it was sent: an
    invocation that goes on where another was stopped sends it again only if that was between the
    two. What was not sent stays where it is, for the next invocation.

    :raises NotDelivered: when a channel failed.
    """
    store = services.news_store
    if store is None:
        return
    failures: dict[str, str] = {}
    settings = services.settings
    for sender in (*senders(settings.channels), *owner_senders(settings.owner_topics or ())):
        if sender.wording is None:
            continue
        try:
            _send(sender, sender.wording, store, services)
        except BeingSent:
            continue
        except Exception as error:
            logs.not_delivered(sender.name, error)
            failures[sender.name] = str(error)
    if failures:
        raise NotDelivered(failures)


def _send(sender: Sender, wording: Wording, store: NewsStore, services: Services) -> None:
    settings = services.settings
    waiting = store.pending(sender.name)
    # Without a look at what was sent today, which costs a write.
    if not due(waiting, store.now(), settings.window, 0, settings.messages_a_day):
        return
    sending = store.begin(sender.name)
    try:
        while news := _next(sender, store, sending, services):
            roundup = roundup_of(news)
            is_one = len(news) == 1
            content = news[0].message if is_one else wording.of_roundup(roundup, services)
            wording.publish(content, services)
            sending.sent()
            sending.finish()
            logs.count("NotificationsSent", 1, Severity=roundup.worst or "NONE")
            about = {"channel": sender.name, "kind": roundup.kind, "news": len(news)}
            logs.logger.info("news reported", extra=about)
    finally:
        sending.release()


def _next(sender: Sender, store: NewsStore, sending: Sending, services: Services) -> list[News]:
    """The news of the next message: of one that was begun, or what is due."""
    settings = services.settings
    if sending.is_sent:
        sending.finish()
    waiting = store.pending(sender.name)
    begun = [each for each in waiting if each.key in set(sending.keys)]
    if begun:
        return begun
    sent, most = sending.sent_today, settings.messages_a_day
    news = due(waiting, store.now(), settings.window, sent, most)[:MOST_TOGETHER]
    if news:
        sending.begin([each.key for each in news])
    return news
