"""Wholes, repositories and states of lines to test with."""

from datetime import UTC, datetime, timedelta

from chalicelib.policy.builds import Newest, Repository, Whole
from chalicelib.policy.states import Known, Line, ReportedState

START = datetime(2026, 1, 1, tzinfo=UTC)
LATEST, PROD, UNTAGGED = Line("latest", ""), Line("prod", ""), Line("", "")
AMD, ARM = Line("latest", "linux/amd64"), Line("latest", "linux/arm64")
HUB = frozenset({"security_hub"})


def day(number):
    return START + timedelta(days=number)


def a_whole(digest, *tags, pushed=0, platforms=("",)):
    """A whole that was pushed on that day."""
    return Whole(digest, day(pushed), frozenset(tags), platforms and frozenset(platforms))


def a_state(line, digest, *names, whole=None, scanned=0, **fields):
    """The state of a line after a scan on that day, which found these vulnerabilities."""
    time = day(scanned).isoformat()
    findings = {name: Known("HIGH", time) for name in names}
    return ReportedState(
        line, digest, whole or digest, time, "COMPLETE", fields.pop("findings", findings), **fields
    )


def a_repository(*wholes, states=(), newest=None, **fields):
    """A repository of these wholes, by the digest of the newest one as far as that is known."""
    by_digest = {whole.digest: whole for whole in wholes}
    if isinstance(newest, str):
        newest = Newest(newest, by_digest[newest].pushed_at)
    wholes = by_digest | dict.fromkeys(fields.pop("deleted", ()))
    return Repository({state.line: state for state in states}, newest, wholes, **fields)
