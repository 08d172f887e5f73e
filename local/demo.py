"""``make demo``: the whole application at work, on an embedded cloud, without an AWS account.

Lister, SQS, scanner, ECR, scan events, notifier, DynamoDB, SNS, Security Hub and the digest in S3.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from local import show
from local.application import demo
from local.ecr import Finding

if TYPE_CHECKING:
    from local.application import Notification

FLAW = Finding("CVE-2026-31337", "CRITICAL", "openssl", "3.0.11-1", fixed_in_version="3.0.14-1")
HALF_AN_HOUR = 30
PAGE = Path("out/demo/fleet-report.html")


def main() -> None:
    """Run the application and print what it did and said."""
    run(Console(width=None if sys.stdout.isatty() else 120))


def run(console: Console) -> None:
    """Run the application and print on this console what it did and said."""
    with demo() as application, Progress(console=console, transient=True) as progress:
        scanning = progress.add_task("Scanning", total=application.list_repositories())
        for _ in application.scan_repositories():
            progress.advance(scanning)
        events = application.finish_scans()
        for event in progress.track(events, description="Reporting scans"):
            application.notify(event)
        application.send_reports(minutes=HALF_AN_HOUR)
        reviews, inventory = application.logs.reviews(), application.notifications()

        for event in events:
            application.notify(event)
        application.send_reports(minutes=HALF_AN_HOUR)
        repeated = len(application.notifications()) - len(inventory)

        rebuilt = application.push_builds(FLAW)
        application.list_repositories(repositories=rebuilt)
        list(application.scan_repositories())
        for event in application.finish_scans():
            application.notify(event)
        application.send_reports(minutes=HALF_AN_HOUR)
        news = application.notifications()[len(inventory) + repeated :]
        page = application.send_digest()
        digests = [each for each in application.notifications() if each.is_digest]
        chat, findings = application.chat_notifications(), application.security_findings()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page)

    console.print(show.reviews(reviews))
    console.print(f"{len(events)} scans ended; they are {len(inventory)} message.\n")
    console.rule("Day one: an inventory")
    for notification in inventory:
        console.print(show.email(notification))
    console.rule("Every event delivered a second time")
    console.print(f"{repeated} more messages\n")
    console.rule(f"{len(rebuilt)} services are built on a base image with a new vulnerability")
    for notification in news:
        console.print(*show.channels(notification))
    console.print(*show.chat(chat[-1]), *show.security_hub(findings))
    console.rule("The digest of all repositories")
    for notification in digests:
        console.print(show.email(notification))
    console.print(f"The page that it links to is in {PAGE}.")
    _check(reviews, events, inventory, repeated, news, digests)


def _check(
    reviews: list[dict[str, Any]],
    events: list[dict[str, Any]],
    inventory: list[Notification],
    repeated: int,
    news: list[Notification],
    digests: list[Notification],
) -> None:
    """Fail unless the application did what the demo claims to show."""
    started = sum(review["ScansStarted"] for review in reviews)
    if not started or started > len(events):
        sys.exit("the demo's registry was not scanned as it should have been")
    if (len(inventory), repeated, len(news), len(digests)) != (1, 0, 1, 1):
        sys.exit("the demo's messages were not sent once each")


if __name__ == "__main__":
    main()
