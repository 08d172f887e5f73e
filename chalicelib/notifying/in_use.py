"""Images in use that are in no line, such as an old build that still runs.

What is known of one is kept by itself, so that what was reported of it is not reported again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.policy.states import Line
from chalicelib.policy.transitions import Scan, after_failure, after_scan

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from chalicelib.aws.line_states import LineStates
    from chalicelib.notifying.assessment import Assessment
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.states import ReportedState

_NO_LINE = Line("", "")


def scan_of(result: ScanResult, whole: str, assessment: Assessment) -> Scan:
    """A scan with what was found of it."""
    return Scan(
        digest=result.image_digest,
        whole=whole,
        time=result.time,
        status=result.status,
        event=result.identity,
        findings=assessment.findings or (),
        accepted=tuple(finding for finding, _ in assessment.accepted),
        left_out=tuple(each for found in assessment.left_out.values() for each in found),
        ended_at=assessment.ended_at,
    )


def recalled_in_use(result: ScanResult, states: LineStates | None) -> ReportedState | None:
    """What is known of an image as one in use."""
    if states is None:
        return None
    return states.recall(result.place_in_use).states.get(_NO_LINE)


def after_scan_in_use(
    result: ScanResult,
    assessment: Assessment,
    before: ReportedState | None,
    known: Iterable[ReportedState],
) -> ReportedState | None:
    """The state of an image in use after its scan; None where its findings are not known.

    ``known`` are the states of its repository's lines: what was reported of the image while it was
    in one of these is not new.
    """
    scan = scan_of(result, result.image_digest, assessment)
    if result.failed:
        return after_failure(_NO_LINE, before, scan)
    if assessment.findings is None:
        return None
    own = [each for each in known if each.digest == scan.digest and each.findings is not None]
    own.sort(key=lambda each: each.time, reverse=True)
    return after_scan(_NO_LINE, before, [before] if before else own, scan)


def keep_replaced(
    result: ScanResult, before: ReportedState, uses: Container[str], states: LineStates
) -> None:
    """Keep what is known of the image that this scan's replaces in a line, if that is in use.

    Its next scan is compared with that, so that what was reported of it is not reported again.

    :raises Changed: when another invocation keeps it meanwhile.
    """
    is_replaced = before.digest != result.image_digest and before.findings is not None
    if not is_replaced or not (before.digest in uses or before.whole in uses):
        return
    place = replace(result, image_digest=before.digest).place_in_use
    if _NO_LINE in states.recall(place).states:
        return
    kept = replace(before, line=_NO_LINE, closed={}, version=0, updated_at=0)
    states.keep(place, replace(kept, has_ended=False, is_shadow=False, mirrored=True))
