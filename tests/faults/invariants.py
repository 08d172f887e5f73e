"""What holds at the end of every run, whatever went wrong in it.

An invariant is a function that takes a run and yields a sentence for each thing that breaks it.
One that holds only under a setting looks at the run's settings first.
"""

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.notifying.channels import senders
from chalicelib.policy.changes import EVERY_SCAN
from chalicelib.scanning.jobs import PlanJob, parse_job
from tests.faults.population import Subject
from tests.faults.runs import Run
from tests.faults.simulation import Delivery, Publication

Invariant = Callable[[Run], Iterator[str]]


def nothing_is_started_twice(run: Run) -> Iterator[str]:
    for (repository, digest), times in run.starts.items():
        if times > 1:
            yield f"{repository}@{digest} was started {times} times"


def nothing_else_is_started(run: Run) -> Iterator[str]:
    for subject in run.subjects:
        if not subject.due and run.starts[_name(subject)]:
            yield f"{subject.repository}@{subject.image.digest} was started and is not due"


def every_due_image_is_started_or_dead_lettered(run: Run) -> Iterator[str]:
    for subject in run.subjects:
        if not subject.due or not run.exists(subject) or run.starts[_name(subject)]:
            continue
        if not any(_is_for(message, subject) for message in run.aws.dead_jobs):
            yield f"{subject.repository}@{subject.image.digest} was neither started nor kept"


def every_dead_letter_has_its_reason(run: Run) -> Iterator[str]:
    for kept in (*run.aws.dead_jobs, *run.aws.failed_events):
        if not kept.succeeded and not all(kept.reasons):
            yield f"{kept.body} is a dead letter without a reason"


def every_finding_over_a_threshold_is_published_or_kept(run: Run) -> Iterator[str]:
    """By every medium; where only news is told, in a report of an image that shared its tags."""
    told = {medium: {each.name for each in _published(run, medium)} for medium in _people(run)}
    kept = {_image(event.body) for event in run.aws.failed_events}
    for subject in _scanned(run):
        name = _name(subject)
        if not subject.reported or name in kept:
            continue
        if run.settings.notify_mode == EVERY_SCAN:
            for medium, names in told.items():
                if name not in names:
                    yield f"{_words(subject)} was neither published nor kept ({medium})"
        elif name not in told["topic"] and not _is_told_elsewhere(run, subject):
            yield f"{_words(subject)} was neither published nor kept, and is news"


def nothing_else_is_published(run: Run) -> Iterator[str]:
    told = {each.name for medium in _people(run) for each in _published(run, medium)}
    for subject in _scanned(run):
        if not subject.reported and _name(subject) in told:
            yield f"{_words(subject)} was published without a reason"


def nothing_is_published_twice(run: Run) -> Iterator[str]:
    """Each event once by a medium, but where a function could not know or note that.

    Once that is noted, no other invocation publishes it again.
    """
    if run.settings.history_table_name is None:
        return
    by_event: dict[tuple[str, str], list[Publication]] = {}
    for each in run.aws.published:
        by_event.setdefault((each.medium, each.event_id), []).append(each)
    for (medium, _), published in by_event.items():
        noted = next((each for each in published if each.noted), published[-1])
        later = published[published.index(noted) :]
        known = sum(not each.may_come_again for each in published)
        if known > 1 or any(each.invocation is not noted.invocation for each in later):
            repository, digest = noted.name
            yield f"{repository}@{digest} was published twice ({medium})"


def the_latest_scan_of_a_tag_is_remembered(run: Run) -> Iterator[str]:
    """Of those that were dealt with, whatever the order in which their events came."""
    if run.settings.history_table_name is None:
        return
    memories = run.aws.table.memories
    kept = {event.body["id"] for event in run.aws.failed_events}
    reported = {_name(each) for each in _scanned(run) if each.reported and run.exists(each)}
    for event in run.scan_events:
        if event["id"] in kept or _image(event) not in reported:
            continue
        for key in _keys(event):
            if key not in memories:
                yield f"{key} is not remembered"
            elif memories[key].time < event["time"]:
                yield f"{key} is remembered by an earlier scan, of {memories[key].time}"


def what_is_remembered_is_a_scan_of_the_tag(run: Run) -> Iterator[str]:
    scans = {
        (key, event["time"], event["detail"]["image-digest"])
        for event in run.scan_events
        for key in (*_keys(event), *_index_keys(run, event))
    }
    for key, memory in run.aws.table.memories.items():
        if (key, memory.time, memory.digest) not in scans:
            yield f"{key} is remembered by a scan that it never had"


def nothing_is_remembered_that_was_not_published(run: Run) -> Iterator[str]:
    """So that in the modes which tell of news, no finding stays unpublished for ever."""
    for key, memory in run.aws.table.memories.items():
        repository = key.split("/", 2)[2].partition(":")[0].partition("@")[0]
        published = _published_findings(run, (repository, memory.digest))
        if missing := memory.findings.keys() - published:
            yield f"{key} remembers {sorted(missing)[0]}, which was never published"


ALWAYS: tuple[Invariant, ...] = (
    nothing_is_started_twice,
    nothing_else_is_started,
    every_due_image_is_started_or_dead_lettered,
    every_dead_letter_has_its_reason,
    every_finding_over_a_threshold_is_published_or_kept,
    nothing_else_is_published,
    nothing_is_published_twice,
    the_latest_scan_of_a_tag_is_remembered,
    what_is_remembered_is_a_scan_of_the_tag,
    nothing_is_remembered_that_was_not_published,
)
"""These hold at the end of a run, and again once what was kept is sent again."""


def broken(run: Run) -> list[str]:
    """What does not hold, in words."""
    return [sentence for invariant in ALWAYS for sentence in invariant(run)]


def kept(run: Run) -> list[str]:
    """What is still in a dead-letter queue."""
    return [
        f"{delivery.body} ({'; '.join(delivery.reasons)})"
        for delivery in (*run.aws.dead_jobs, *run.aws.failed_events)
    ]


def _name(subject: Subject) -> tuple[str, str]:
    return subject.repository, subject.image.digest


def _words(subject: Subject) -> str:
    return f"{subject.repository}@{subject.image.digest}"


def _people(run: Run) -> list[str]:
    """The channels that tell people, and what is news only."""
    return [
        sender.name for sender in senders(run.settings.channels) if not sender.follows_every_scan
    ]


def _published(run: Run, medium: str) -> Iterator[Publication]:
    return (each for each in run.aws.published if each.medium == medium)


def _image(event: dict[str, Any]) -> tuple[str, str]:
    return event["detail"]["repository-name"], event["detail"]["image-digest"]


def _keys(event: dict[str, Any]) -> tuple[str, ...]:
    """What the history knows an event's image by; one without tags may have those of its index."""
    repository, _ = _image(event)
    place = f"image#{event['account']}/{event['region']}/{repository}"
    return tuple(f"{place}:{tag}" for tag in event["detail"]["image-tags"])


def _index_keys(run: Run, event: dict[str, Any]) -> Iterator[str]:
    repository, digest = _image(event)
    place = f"image#{event['account']}/{event['region']}/{repository}"
    yield f"{place}@{digest}"
    for subject in run.subjects:
        if _name(subject) == (repository, digest) and subject.index:
            yield from (f"{place}:{tag}" for tag in subject.index.tags)


def _is_told_elsewhere(run: Run, subject: Subject) -> bool:
    """Whether a scan that was not told of is outdated in each of its tags, or is no news."""
    event = next(each for each in run.scan_events if _image(each) == _name(subject))
    memories, keys = run.aws.table.memories, _keys(event)
    if keys and all(key in memories and memories[key].time > event["time"] for key in keys):
        return True
    if event["detail"]["scan-status"] == "FAILED":
        related = _related(run, _name(subject))
        return any(
            each.report["scanStatus"] == "FAILED"
            for each in _published(run, "topic")
            if each.name in related
        )
    findings = {f"{each.name} {each.package_name}" for each in subject.image.findings.entries}
    return findings <= _published_findings(run, _name(subject))


def _published_findings(run: Run, name: tuple[str, str]) -> set[str]:
    """What people were told of an image and of those that it is related to."""
    related = _related(run, name)
    return {
        f"{finding['id']} {finding['package']}"
        for each in _published(run, "topic")
        if each.name in related
        for finding in each.report["findings"] or ()
    }


def _related(run: Run, name: tuple[str, str]) -> set[tuple[str, str]]:
    """The images whose tags an image had, and so on: what is told of one is known of the next."""
    tags = {
        _image(event): set(_keys(event)) for event in run.scan_events if _image(event)[0] == name[0]
    }
    related, grown = {name}, True
    while grown:
        known = set().union(*(tags.get(each, set()) for each in related))
        grown = False
        for other, keys in tags.items():
            if other not in related and keys & known:
                related.add(other)
                grown = True
    return related


def _scanned(run: Run) -> Iterator[Subject]:
    """The subjects of the scans that ended, whose thresholds can still be known.

    A repository's own thresholds are gone with the repository.
    """
    ended = {
        (event["detail"]["repository-name"], event["detail"]["image-digest"])
        for event in run.scan_events
    }
    for subject in run.subjects:
        gone = subject.repository not in run.registry.repositories
        if _name(subject) in ended and not (gone and run.settings.repository_tag_rules):
            yield subject


def _is_for(message: Delivery, subject: Subject) -> bool:
    """Whether a dead job, which never went well, would have started the image's scan."""
    if message.succeeded:
        return False
    job = parse_job(message.body)
    if isinstance(job, PlanJob):
        return subject.repository > job.after
    return job.repository == subject.repository and (
        not job.image_digests or subject.image.digest in job.image_digests
    )
