"""A run from beginning to end, and what came of it."""

import traceback
from collections import Counter
from dataclasses import dataclass

from tests.faults.beginnings import run_of
from tests.faults.invariants import broken, kept
from tests.faults.runs import Run


@dataclass(frozen=True)
class Result:
    """What a run came to: ``broken`` says what did not hold, and is empty as a rule."""

    seed: int
    broken: list[str]
    counts: Counter[str]


def carry_out(seed: int) -> Result:
    """Do the run of a seed, look at it, then send again what was kept and look once more."""
    with run_of(seed) as run:
        try:
            run.go()
            counts = _counts(run)
            found = [f"{sentence}, in the end" for sentence in broken(run)]
            run.redrive()
            found += [f"{sentence}, after the redrive" for sentence in broken(run)]
            found += [f"{body} is a dead letter again, after the redrive" for body in kept(run)]
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__}: {error} ({where.filename}, line {where.lineno})"
            return Result(seed, [name], Counter())
        return Result(seed, found, counts)


def _counts(run: Run) -> Counter[str]:
    aws = run.aws
    return Counter(
        {
            "calls": sum(aws.calls.values()),
            "calls that failed": sum(aws.faulty.values()),
            "functions run": sum(run.outcomes.values()),
            "functions that failed": sum(
                count for name, count in run.outcomes.items() if not name.endswith(" done")
            ),
            "images due": sum(subject.due for subject in run.subjects),
            "images due that were deleted": sum(
                subject.due and not run.exists(subject) for subject in run.subjects
            ),
            "scans started": sum(map(len, run.started_at.values())),
            "scans that ended": len(run.scan_events),
            "reports published": len(aws.published),
            "of these, with a history": len(aws.published)
            if run.settings.history_table_name
            else 0,
            "of these, while nobody could know of it": sum(
                each.may_come_again for each in aws.published if run.settings.history_table_name
            ),
            "lines that are known": sum(map(len, aws.table.states.values())),
            "jobs in the dead-letter queue": len(aws.dead_jobs),
            "failed events kept": len(aws.failed_events),
        }
    )
