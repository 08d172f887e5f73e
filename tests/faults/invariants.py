"""What holds at the end of every run, whatever went wrong in it.

An invariant is a function that takes a run and yields a sentence for each thing that breaks it.
One that holds only under a setting looks at the run's settings first.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from chalicelib.notifying.channels import senders
from chalicelib.policy.changes import ALL, EVERY_SCAN, NEW_FINDINGS
from chalicelib.policy.due import LONGEST_TOLERANCE
from tests.faults.population import DURATION_DAYS, Subject
from tests.faults.runs import DAY_SECONDS, LATEST, Run
from tests.faults.simulation import Publication

if TYPE_CHECKING:
    from local.ecr import LocalRegistry

SOONEST_SECONDS = DURATION_DAYS * DAY_SECONDS - LONGEST_TOLERANCE.total_seconds()
Invariant = Callable[[Run], Iterator[str]]


def nothing_is_started_twice(run: Run) -> Iterator[str]:
    """Nor attempted, by what could know of the first: that ECR refuses it is its last resort."""
    # When a scan that failed ended, ECR does not say: without an event it is tried again.
    # Nor is a scan known of whose start the table did not take, once its event is lost.
    failed = _failing(run)
    for (repository, digest), times in run.started_at.items():
        attempts = run.aws.attempts[repository, digest]
        is_unknown = any(each.invocation.records_failed for each in attempts)
        early = is_unknown or (repository, digest) in failed
        least = DAY_SECONDS if early else SOONEST_SECONDS
        if any(later - earlier < least for earlier, later in pairwise(times)):
            yield f"{repository}@{digest} was started {len(times)} times"
    for (repository, digest), attempts in run.aws.attempts.items():
        if (repository, digest) in failed or any(each.invocation.frozen for each in attempts):
            continue
        if any(first.rules_out(later) for first, later in combinations(attempts, 2)):
            yield f"{repository}@{digest} was to be started again"


def nothing_else_is_started(run: Run) -> Iterator[str]:
    """What is not due is so again once its last scan has expired."""
    for subject in run.subjects:
        times = run.started_at.get(subject.name)
        if times is not None and not subject.due and times[0] < int(subject.due_again):
            yield f"{subject.repository}@{subject.image.digest} was started and is not due"


def every_due_image_is_started_or_dead_lettered(run: Run) -> Iterator[str]:
    """With a budget that binds, only once it had the days that it needs.

    What failed comes last, and waits for what becomes due meanwhile.
    """
    if run.budget is not None and not run.is_over:
        return
    for subject in run.waiting():
        if run.budget is None or not subject.scan_failed:
            yield f"{_words(subject)} was neither started nor kept"


def the_oldest_scans_come_first(run: Run) -> Iterator[str]:
    """Within a repository, which a plan has before it as a whole.

    Its newest images come before all others, and last those whose scans fail.
    """
    by_name = {subject.name: subject for subject in run.subjects if subject.due}
    for day in run.days:
        started = [by_name[name] for name in day.started if name in by_name]
        for late in day.waiting:
            for early in started:
                if early.place == late.place and overtakes(run, early, late):
                    yield f"{_words(late)} waits for {_words(early)}, whose last scan is newer"


def a_day_has_no_more_scans_than_its_budget(run: Run) -> Iterator[str]:
    """Where it is kept what is reserved, unless a function stood still beyond the day's end."""
    if run.budget is None or run.settings.history_table_name is None:
        return
    started: Counter[tuple[LocalRegistry, int]] = Counter()
    unsure = set()
    for subject in run.subjects:
        for time in run.started_at.get(subject.name, ()):
            started[subject.registry, int(time // DAY_SECONDS)] += 1
        for attempt in run.aws.attempts[subject.name]:
            if attempt.invocation.frozen:
                unsure.add((subject.registry, int(attempt.invocation.began_at // DAY_SECONDS) + 1))
    for (registry, day), count in started.items():
        if count > run.budget and (registry, day) not in unsure:
            yield f"{count} scans were started on one day, of {run.budget}"


def every_dead_letter_has_its_reason(run: Run) -> Iterator[str]:
    for kept in (*run.aws.dead_jobs, *run.aws.failed_events):
        if not kept.succeeded and not all(kept.reasons):
            yield f"{kept.body} is a dead letter without a reason"


def every_finding_over_a_threshold_is_published_or_kept(run: Run) -> Iterator[str]:
    """By every medium; where only news is told, of what the tag that moves stands on.

    Where people are notified of current images only, of what was its repository's newest.
    """
    told = {medium: {each.name for each in _published(run, medium)} for medium in _people(run)}
    kept = {_image(event.body) for event in run.aws.failed_events}
    for subject in _scanned(run):
        name = subject.name
        if not subject.reported or name in kept or not run.exists(subject):
            continue
        if run.settings.report_images != ALL and not _is_newest(run, subject):
            continue
        if run.settings.notify_mode == EVERY_SCAN:
            for medium, names in told.items():
                if name not in names:
                    yield f"{_words(subject)} was neither published nor kept ({medium})"
        elif LATEST in subject.image.tags and not _is_told(run, subject):
            yield f"{_words(subject)} was neither published nor kept, and is news"


def nothing_else_is_published(run: Run) -> Iterator[str]:
    told = {each.name for each in _reports(run) if not each.report["changes"]}
    told |= {each.name for each in _reports(run) if each.report["crossed"]}
    if run.settings.notify_mode == NEW_FINDINGS:  # else some are told that much is fixed
        told |= {
            (image["repository"], image["imageDigest"])
            for each in _roundups(run)
            for image in each.report["images"]
        }
    for subject in _scanned(run):
        if not subject.reported and subject.name in told:
            yield f"{_words(subject)} was published without a reason"


def nothing_is_published_twice(run: Run) -> Iterator[str]:
    """Each event once to people, but where a function could not know or note that.

    Once that is noted, no other invocation publishes it again. What a mirror is given again changes
    nothing in it.
    """
    if run.settings.history_table_name is None:
        return
    by_event: dict[tuple[str, str], list[Publication]] = {}
    people = _people(run)
    for each in run.aws.published:
        if each.medium not in people or each.invocation.frozen or each.invocation.forgets:
            continue
        for identity in each.identities:
            by_event.setdefault((each.medium, identity), []).append(each)
    for (medium, identity), published in by_event.items():
        collections = run.aws.collected.get((medium, identity), [])
        if len(collections) > 1 and any(each.cut or each.notes_failed for each in collections):
            continue
        noted = next((each for each in published if each.noted), published[-1])
        later = published[published.index(noted) :]
        known = sum(not each.may_come_again for each in published)
        if known > 1 or any(each.invocation is not noted.invocation for each in later):
            repository, digest = noted.name
            yield f"{repository or 'news'}@{digest or identity} was published twice ({medium})"


def all_news_that_is_collected_is_sent(run: Run) -> Iterator[str]:
    sent = {(each.medium, key) for each in run.aws.published for key in each.news}
    for medium, key in run.aws.collected:
        if (medium, key) not in sent:
            yield f"news {key} was collected and never sent ({medium})"


def the_last_scan_of_what_the_tag_stands_on_is_known(run: Run) -> Iterator[str]:
    """Of those that were dealt with, whatever the order in which their events came."""
    if run.settings.history_table_name is None:
        return
    states = run.aws.table.states
    kept = {event.body["id"] for event in run.aws.failed_events}
    for subject in _scanned(run):
        name, tags = subject.name, subject.image.tags
        events = [each for each in run.scan_events if _image(each) == name]
        dealt_with = all(each["id"] not in kept for each in events)
        if not (LATEST in tags and run.exists(subject) and dealt_with):
            continue
        if name in run.without_history:
            continue
        known = {state.line.tag: state for state in states.get(subject.place, ())}
        if events[-1]["detail"]["scan-status"] == "FAILED":
            continue
        if LATEST not in known:
            yield f"{subject.repository}:{LATEST} is not known"
        elif (known[LATEST].digest, known[LATEST].time) != (name[1], events[-1]["time"]):
            yield f"{subject.repository}:{LATEST} is known by another scan"


def what_is_known_is_of_a_scan_of_the_image(run: Run) -> Iterator[str]:
    scans = {
        (f"{each['account']}/{each['region']}/{name}", digest, each["time"])
        for each in run.scan_events
        for name, digest in [_image(each)]
    }
    for repository, states in run.aws.table.states.items():
        for state in states:
            if (repository, state.digest, state.time) not in scans:
                yield f"{repository}:{state.line.tag} is known by a scan that it never had"


def nothing_is_noted_as_reported_that_was_not_published(run: Run) -> Iterator[str]:
    """So that in the modes which tell of news, no finding stays unpublished for ever."""
    for repository, states in run.aws.table.states.items():
        published = _published_findings(run, repository.split("/", 2)[2])
        for state in states:
            known = state.findings or {}
            noted = {key for key, each in known.items() if "topic" in each.reported_by}
            if missing := noted - published:
                yield f"{repository} has {sorted(missing)[0]}, which was never published"


def security_hub_has_what_is_known(run: Run) -> Iterator[str]:
    """Once all that is known was followed; what was kept is followed when it is sent again."""
    if "security_hub" not in run.settings.channels or run.aws.failed_events:
        return
    known = [
        key
        for states in run.aws.table.states.values()
        for state in states
        for key in state.findings or ()
    ]
    active = [each for each in run.aws.imported.values() if each["RecordState"] == "ACTIVE"]
    if len(active) != len(known):
        yield f"Security Hub has {len(active)} findings as open, of {len(known)}"


ALWAYS: tuple[Invariant, ...] = (
    nothing_is_started_twice,
    nothing_else_is_started,
    every_due_image_is_started_or_dead_lettered,
    the_oldest_scans_come_first,
    a_day_has_no_more_scans_than_its_budget,
    every_dead_letter_has_its_reason,
    every_finding_over_a_threshold_is_published_or_kept,
    nothing_else_is_published,
    nothing_is_published_twice,
    all_news_that_is_collected_is_sent,
    the_last_scan_of_what_the_tag_stands_on_is_known,
    what_is_known_is_of_a_scan_of_the_image,
    nothing_is_noted_as_reported_that_was_not_published,
    security_hub_has_what_is_known,
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


def _failing(run: Run) -> set[tuple[str, str]]:
    """The images whose scans fail, which are tried again after a day."""
    return {each.name for each in run.subjects if each.image.next_scan_status == "FAILED"}


def _words(subject: Subject) -> str:
    return f"{subject.repository}@{subject.image.digest}"


def _people(run: Run) -> list[str]:
    """The channels that tell people."""
    return [sender.name for sender in senders(run.settings.channels)]


def _published(run: Run, medium: str) -> Iterator[Publication]:
    return (each for each in run.aws.published if each.medium == medium)


def _image(event: dict[str, Any]) -> tuple[str, str]:
    return event["detail"]["repository-name"], event["detail"]["image-digest"]


def _is_told(run: Run, subject: Subject) -> bool:
    """Whether people were told of what an image has, or that its scan failed.

    In a report of it, or of one that it is compared with.
    """
    event = next(each for each in run.scan_events if _image(each) == subject.name)
    if event["detail"]["scan-status"] == "FAILED":
        return any(
            each.report["scanStatus"] == "FAILED" and each.name[0] == subject.repository
            for each in _reports(run)
        ) or any(
            image["repository"] == subject.repository
            for each in _roundups(run)
            for image in each.report["failedScans"]
        )
    findings = {f"{each.name} {each.package_name}" for each in subject.image.findings.entries}
    return findings <= _published_findings(run, subject.repository)


def _published_findings(run: Run, repository: str) -> set[str]:
    """What people were told of a repository."""
    of_reports = {
        f"{finding['id']} {finding['package']}"
        for each in _reports(run)
        if each.name[0] == repository
        for finding in each.report["findings"] or ()
    }
    return of_reports | {
        f"{flaw['id']} {flaw['package']}"
        for each in _roundups(run)
        for flaw in each.report["vulnerabilities"]
        if any(each.report["images"][n]["repository"] == repository for n in flaw["images"])
    }


def _reports(run: Run) -> Iterator[Publication]:
    """The reports of one image that machines get."""
    return (each for each in _published(run, "topic") if not each.is_roundup)


def _roundups(run: Run) -> Iterator[Publication]:
    """Those of several images."""
    return (each for each in _published(run, "topic") if each.is_roundup)


def overtakes(run: Run, early: Subject, late: Subject) -> bool:
    """Whether what was started has a newer scan than what waits, and nothing else comes before."""
    if late.scan_failed or early.scan_failed or late.scanned_at >= early.scanned_at:
        return False
    return not _may_have_been_newest(run, early)


def _may_have_been_newest(run: Run, subject: Subject) -> bool:
    """Whether no tagged image was there all the time that is newer in the repository."""
    pushed_at = (subject.index or subject.image).pushed_at
    repository = subject.registry.repositories.get(subject.repository)
    there = repository.images if repository else {}
    return all(
        each.image.pushed_at <= pushed_at
        for each in run.subjects
        if each.place == subject.place
        and each.image.tags
        and each.is_image
        and each.image.digest in there
    )


def _is_newest(run: Run, subject: Subject) -> bool:
    """Whether an image was its repository's newest tagged one all the time."""
    if subject.repository not in subject.registry.repositories or subject.index is not None:
        return False
    there = subject.registry.repositories[subject.repository].images.values()
    before = (each.image for each in run.subjects if each.place == subject.place)
    return subject.image.pushed_at == max(each.pushed_at for each in (*there, *before))


def _scanned(run: Run) -> Iterator[Subject]:
    """The subjects of the scans that ended, whose thresholds can still be known.

    A repository's own thresholds are gone with the repository.
    """
    ended = {
        (event["detail"]["repository-name"], event["detail"]["image-digest"])
        for event in run.scan_events
    }
    for subject in run.subjects:
        gone = subject.repository not in subject.registry.repositories
        if subject.name in ended and not (gone and run.settings.repository_tag_rules):
            yield subject
