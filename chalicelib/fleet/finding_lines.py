"""The last kept state of the fleet: one line of JSON a finding, for other tools and for ``find``.

| Key below ``fleet-reports/`` | What it is |
| --- | --- |
| ``findings/date=…/account=…/<time>.jsonl.gz`` | the findings of an account in a digest |
| ``state.json`` | of when the last ones are, and their keys |

The columns are those of the Athena table in ``docs/exports.md``.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections import defaultdict
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.ecr import finding_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.ecr.findings import Finding
    from chalicelib.fleet.model import RepositoryReport
    from chalicelib.fleet.report import FleetReport

PREFIX = "fleet-reports/findings/"
STATE_KEY = "fleet-reports/state.json"

OPEN, ACCEPTED, LEFT_OUT = "open", "accepted", "left out"
"""What a finding is."""

_MOST = 20
"""The most tags and places of a line; nothing is found by these."""

_BLOCK = 1 << 20


class LinesNotRead(Exception):
    """Kept findings that are missing, or damaged: what was found last cannot be said."""

    def __init__(self, bucket: str, key: str, why: str) -> None:
        super().__init__(
            f"what was found last cannot be read: s3://{bucket}/{key} is {why};"
            " the next digest keeps it anew"
        )


class State(NamedTuple):
    """Of when the last kept findings are, and where; and how many repositories were not read."""

    as_of: str
    keys: tuple[str, ...]
    unknown: int = 0


def keep_lines(report: FleetReport, time: str, bucket: ReportBucket) -> None:
    """Write the findings of a report by account, and then that they are the last ones.

    ``time`` is what the digest's other keys end with, and begins with the date: done again, it
    writes the same objects.

    Calls: s3:PutObject on ``fleet-reports/*``.
    """
    accounts: dict[str, list[RepositoryReport]] = defaultdict(list)
    for account in {registry.account for registry in report.registries}:
        accounts[account] = []
    for each in report.repositories:
        accounts[each.repository.account].append(each)
    keys = []
    for account, repositories in sorted(accounts.items()):
        key = f"{PREFIX}date={time[:10]}/account={account}/{time}.jsonl.gz"
        bucket.put(key, _packed(report, repositories), "application/gzip")
        keys.append(key)
    state = {
        "asOf": report.generated_at.isoformat(),
        "keys": keys,
        "unknown": len(report.unknown),
    }
    bucket.put(STATE_KEY, json.dumps(state), "application/json")


def read_state(bucket: ReportBucket) -> State | None:
    """What was kept last; None where nothing was. Calls: s3:GetObject, s3:ListBucket."""
    text = bucket.get(STATE_KEY)
    if text is None:
        return None
    state = json.loads(text)
    return State(state["asOf"], tuple(state["keys"]), state["unknown"])


def lines_with(texts: Sequence[bytes], bucket: ReportBucket, state: State) -> Iterator[bytes]:
    """The lines of the last kept findings in which all of these texts are, in any case.

    The texts are in small letters. Most lines are passed over without being parted.

    :raises LinesNotRead: when some of them are missing or damaged.
    """
    first, *others = sorted(texts, key=len, reverse=True) or [b""]
    for key in state.keys:
        for block in _blocks(bucket, key):
            small = block.lower()
            at = small.find(first)
            while 0 <= at < len(block):
                start, stop = small.rfind(b"\n", 0, at) + 1, small.index(b"\n", at) + 1
                if all(small.find(text, start, stop) >= 0 for text in others):
                    yield block[start:stop]
                at = small.find(first, stop)


def _blocks(bucket: ReportBucket, key: str) -> Iterator[bytes]:
    """Whole lines, a megabyte of them at a time."""
    # Without any finding there are some bytes all the same.
    if not (body := bucket.read(key)):
        raise LinesNotRead(bucket.name, key, "missing" if body is None else "empty")
    try:
        with gzip.open(io.BytesIO(body)) as file:
            rest = b""
            while part := file.read(_BLOCK):
                lines, end, rest = (rest + part).rpartition(b"\n")
                yield lines + end
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LinesNotRead(bucket.name, key, "damaged") from error


def _packed(report: FleetReport, repositories: list[RepositoryReport]) -> bytes:
    packed = io.BytesIO()
    # Without a time, so that the same findings are the same bytes.
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for each in repositories:
            for line in _lines(report, each):
                file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    return packed.getvalue()


def _lines(report: FleetReport, each: RepositoryReport) -> Iterator[dict[str, Any]]:
    for finding in each.findings:
        yield _line(report, each, finding, OPEN)
    for finding, _ in each.accepted:
        yield _line(report, each, finding, ACCEPTED)
    for findings in each.left_out.values():
        for finding in findings:
            yield _line(report, each, finding, LEFT_OUT)


def _where(each: RepositoryReport, finding: Finding) -> list[str] | None:
    running = each.is_running(finding)
    return None if running is None else list((each.running or ())[:_MOST] * running)


def _different(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _line(
    report: FleetReport, each: RepositoryReport, finding: Finding, status: str
) -> dict[str, Any]:
    """A finding; what is not known is null.

    All names that it can be found by are there: one that is cut would be a false "nothing has it".
    """
    age, image = each.age_of(finding), each.image_with(finding)
    first_seen = age.first_seen and age.first_seen.astimezone(UTC).isoformat()
    return {
        "reported_at": report.generated_at.isoformat(),
        "region": each.repository.region,
        "repository": each.repository.name,
        "owner": each.owner,
        "digest": image.digest or None,
        "tags": list(image.tags[:_MOST]),
        "running_in": _where(each, finding),
        "account_id": each.repository.account,
        "vulnerability": finding.identifier,
        "related": _different(finding.related),
        "severity": finding.severity,
        "score": finding.score,
        "known_exploited": finding.known_exploited,
        "epss": finding.epss,
        "packages": _different(package.name for package in finding.packages),
        "installed_version": finding_texts.installed(finding) or None,
        "fixed_version": finding_texts.fixed(finding) or None,
        "fix_available": finding.fix_available,
        "status": status,
        "first_seen": first_seen,
        "due": age.due and age.due.isoformat(),
        "open_days": age.days(report.today),
        "overdue_days": age.overdue_days(report.today),
        "as_of": (as_of := each.known_then(finding)) and as_of.isoformat(),
    }
