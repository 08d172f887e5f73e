"""``make demo``: the whole application at work, on an embedded cloud, without an AWS account.

Lister, SQS, scanner, ECR, scan events, notifier, DynamoDB, SNS, Security Hub and the digest in S3.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from local import show
from local.application import demo

if TYPE_CHECKING:
    from local.application import Notification

PAGE = Path("out/demo/fleet-report.html")


def main() -> None:
    """Run the application and print what it did and said."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with demo() as application, Progress(console=console, transient=True) as progress:
        scanning = progress.add_task("Scanning", total=application.list_repositories())
        for _ in application.scan_repositories():
            progress.advance(scanning)
        events = application.finish_scans()
        for event in progress.track(events, description="Reporting scans"):
            application.notify(event)
        reviews, told = application.logs.reviews(), application.notifications()

        for event in events:
            application.notify(event)
        repeated = len(application.notifications()) - len(told)

        reports = (json.loads(each.texts["default"]) for each in told)
        before = next(filter(application.tags_of_next_build, reports))
        tags = application.tags_of_next_build(before)
        application.push_build(before["repository"], tags)
        application.list_repositories(repositories=[before["repository"]])
        list(application.scan_repositories())
        for event in application.finish_scans():
            application.notify(event)
        of_new_build = application.notifications()[len(told) + repeated :]
        page = application.send_digest()
        digests = [each for each in application.notifications() if each.is_digest]
        chat, findings = application.chat_notifications(), application.security_findings()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page)

    console.print(show.reviews(reviews))
    console.print(f"{len(events)} scans ended; {len(told)} of them are reported.\n")
    for notification in told:
        console.print(show.email(notification))
    console.rule("Every event delivered a second time")
    console.print(f"{repeated} more messages\n")
    console.rule(f"A new build of {before['repository']} takes over {', '.join(tags)}: what is new")
    for notification in of_new_build:
        console.print(*show.channels(notification))
    console.print(*show.chat(chat[-1]), *show.security_hub(findings))
    console.rule("The digest of all repositories")
    for notification in digests:
        console.print(show.email(notification))
    console.print(f"The page that it links to is in {PAGE}.")
    _check(reviews, events, told, repeated, of_new_build, digests)


def _check(
    reviews: list[dict[str, Any]],
    events: list[dict[str, Any]],
    told: list[Notification],
    repeated: int,
    of_new_build: list[Notification],
    digests: list[Notification],
) -> None:
    """Fail unless the application did what the demo claims to show."""
    started = sum(review["ScansStarted"] for review in reviews)
    statuses = {notification.attributes["scan-status"] for notification in told}
    if not started or started > len(events) or statuses != {"COMPLETE", "FAILED"}:
        sys.exit("the demo's registry was not scanned and reported as it should have been")
    if (repeated, len(of_new_build), len(digests)) != (0, 1, 1):
        sys.exit("the demo's messages were not sent once each")


if __name__ == "__main__":
    main()
