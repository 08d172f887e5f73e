"""What holds at the end of every run, whatever went wrong in it.

An invariant is a function that takes a run and yields a sentence for each thing that breaks it.
One that holds only under a setting looks at the run's settings first.
"""

from collections.abc import Callable, Iterator

from chalicelib.jobs import PlanJob, parse_job
from tests.faults.population import Subject
from tests.faults.runs import Run
from tests.faults.simulation import Delivery

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
    kept = {
        (event.body["detail"]["repository-name"], event.body["detail"]["image-digest"])
        for event in run.aws.failed_events
    }
    for subject in _scanned(run):
        name = _name(subject)
        if subject.reported and not run.aws.published[name] and name not in kept:
            yield f"{subject.repository}@{subject.image.digest} was neither published nor kept"


def nothing_else_is_published(run: Run) -> Iterator[str]:
    for subject in _scanned(run):
        if not subject.reported and run.aws.published[_name(subject)]:
            yield f"{subject.repository}@{subject.image.digest} was published without a reason"


ALWAYS: tuple[Invariant, ...] = (
    nothing_is_started_twice,
    nothing_else_is_started,
    every_due_image_is_started_or_dead_lettered,
    every_dead_letter_has_its_reason,
    every_finding_over_a_threshold_is_published_or_kept,
    nothing_else_is_published,
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
        job.walks or subject.image.digest in job.image_digests
    )
