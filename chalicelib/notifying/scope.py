"""Which scans are the application's concern, by the rules that the scanner has too.

What decides is looked up. A look-up that fails fails the event, which then comes again, unless the
permission is missing or the repository was deleted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.notifying.looked_up import looked_up
from chalicelib.policy.due import Reason, unscannable
from chalicelib.policy.selection import refusal
from chalicelib.runtime import logs
from chalicelib.runtime.patterns import names_matching
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ecr.images import Image
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.rules import Rules
    from chalicelib.runtime.backoff import Backoff
    from chalicelib.services import Services
    from chalicelib.settings.settings import Settings

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "us-iso-": "aws-iso",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def is_weighed(result: ScanResult, settings: Settings) -> bool:
    """Whether a scan of this status is worth weighing.

    It is when the findings are known, and when the scan failed, if that is to be reported. An image
    that is unsupported, too large or archived, whose findings are unavailable or that Inspector no
    longer scans has no findings to weigh.
    """
    return result.complete or (result.failed and settings.notify_on_scan_failure)


def is_wanted(repository: str, settings: Settings) -> bool:
    """Whether the filter takes the repository in; one that is wrong keeps none out."""
    try:
        return bool(names_matching(settings.repositories_filter, [repository]))
    except ValueError:
        return True


def rules_of(result: ScanResult, services: Services, backoff: Backoff) -> Rules:
    """The rules of the repository: those of its tags over those of the settings.

    :raises ClientError: and others, when it is unknown what the tags say.
    """
    settings = services.settings
    texts: dict[str, str] = {}
    if settings.repository_tag_rules:
        texts = looked_up(
            "look-up failed",
            result,
            services,
            texts,
            lambda ecr: backoff.call(ecr.repository_rules, _repository_arn(result)),
        )
    rules, bad = parse_rules(texts)
    for rule in bad:
        logs.logger.warning(str(rule), extra={"repository": result.repository})
    return settings.rules_for(result.repository, rules)


def reason_against(
    image: Image, rules: Rules, uses: Mapping[str, object], settings: Settings
) -> Reason | None:
    """Why an image is none of the application's concern, by the rules that the scanner has too.

    ``uses`` are the repository's images in use, as far as they are known; these are reviewed
    whatever the rules say. How many newer images there are is not asked for.
    """
    if reason := unscannable(image):
        return reason
    if any(digest in uses for digest in (image.digest, *image.index_digests)):
        return None
    if uses and settings.in_use_only:
        return Reason.NOT_IN_USE
    return refusal(image, rules, datetime.now(UTC))


def _repository_arn(result: ScanResult) -> str:
    partitions = (name for prefix, name in _PARTITIONS.items() if result.region.startswith(prefix))
    partition = next(partitions, "aws")
    return f"arn:{partition}:ecr:{result.region}:{result.account}:repository/{result.repository}"
