"""``make demo``: the whole application at work, on an embedded cloud, without an AWS account.

Lister, SQS, scanner, ECR, scan events, notifier, DynamoDB, SNS, Security Hub and the digest in S3.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from local import show
from local.application import demo
from local.ecr import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.application import Notification

FLAW = Finding("CVE-2026-31337", "CRITICAL", "openssl", "3.0.11-1", fixed_in_version="3.0.14-1")
HALF_AN_HOUR = 30
GLANCE = 16
"""How many lines of each email are shown, unless all of it is."""

PAGE = Path("out/demo/fleet-report.html")


@dataclass(frozen=True)
class Played:
    """What the application did and said."""

    reviews: list[dict[str, Any]]
    ended_scans: int
    inventory: list[Notification]
    repeated: int
    inspected: int
    rebuilt: list[str]
    news: list[Notification]
    digests: list[Notification]
    chat: list[dict[str, Any]]
    findings: list[dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the application and print what it did and said."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--all", action="store_true", help="show all that was done and sent")
    everything = parser.parse_args(arguments).all
    run(Console(emoji=False, width=None if sys.stdout.isatty() else 120), everything=everything)


def run(console: Console, *, everything: bool = False) -> None:
    """Run the application and print on this console what it did and said."""
    played = play(console)
    show_all(played, console) if everything else show_messages(played, console)
    console.print(f"The page that it links to is in {PAGE}.")
    if not everything:
        console.print("All that was done and sent: make demo ARGS=--all")


def play(console: Console) -> Played:
    """Run the application, with its progress on a console that is a terminal."""
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
        played = Played(
            *(reviews, len(events), inventory, repeated),
            *(application.repositories - len(reviews), rebuilt, news, digests),
            *(application.chat_notifications(), application.security_findings()),
        )
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page)
    _check(played)
    return played


def show_messages(played: Played, console: Console) -> None:
    """The messages that matter, each as far as an email shows it at a glance."""
    started, seen = (
        sum(each[name] for each in played.reviews) for name in ("ScansStarted", "ImagesSeen")
    )
    console.print(
        f"{len(played.reviews)} repositories, {seen} images: {started} scans were due and are done;"
        f" {played.inspected} more are Amazon Inspector's."
    )
    for title, messages in (
        ("Day one: an inventory", played.inventory),
        (_of_builds(played), played.news),
        ("Once a week: the digest", played.digests),
    ):
        console.rule(title)
        for notification in messages:
            console.print(show.email(notification, lines=GLANCE))


def show_all(played: Played, console: Console) -> None:
    """What was done with each repository, and every message by every channel."""
    console.print(show.reviews(played.reviews))
    console.print(f"{played.ended_scans} scans ended; they are {len(played.inventory)} message.\n")
    console.rule("Day one: an inventory")
    for notification in played.inventory:
        console.print(show.email(notification))
    console.rule("Every event delivered a second time")
    console.print(f"{played.repeated} more messages\n")
    console.rule(_of_builds(played))
    for notification in played.news:
        console.print(*show.channels(notification))
    console.print(*show.chat(played.chat[-1]), *show.security_hub(played.findings))
    console.rule("The digest of all repositories")
    for notification in played.digests:
        console.print(show.email(notification))


def _of_builds(played: Played) -> str:
    return f"{len(played.rebuilt)} services are built on a base image with a new vulnerability"


def _check(played: Played) -> None:
    """Fail unless the application did what the demo claims to show."""
    started = sum(review["ScansStarted"] for review in played.reviews)
    if not started or started > played.ended_scans:
        sys.exit("the demo's registry was not scanned as it should have been")
    messages = (len(played.inventory), played.repeated, len(played.news), len(played.digests))
    if messages != (1, 0, 1, 1):
        sys.exit("the demo's messages were not sent once each")


if __name__ == "__main__":
    main()
