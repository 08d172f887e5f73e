"""What an event does not tell about its image, looked up where that decides or is reported.

A look-up that only adds to a report is left out, and logged, when it fails: a report without it is
better than none. One that decides whether there is a report at all fails the event, so that it
comes again, unless the permission is missing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ecr import RepositoryDeleted
from chalicelib.aws.errors import AWS_ERRORS, is_refusal
from chalicelib.runtime import logs
from chalicelib.settings.repository_tags import parse_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.ecr import Registry
    from chalicelib.ecr.last_scans import ScanFindings
    from chalicelib.notifying.events import ScanResult
    from chalicelib.policy.thresholds import Thresholds
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


def is_reported(result: ScanResult, settings: Settings) -> bool:
    """Whether a scan of this status is worth weighing.

    It is when the findings are known, and when the scan failed, if that is to be reported. An image
    that is unsupported, too large or archived, whose findings are unavailable or that Inspector no
    longer scans has no findings to weigh.
    """
    return result.complete or (result.failed and settings.notify_on_scan_failure)


def thresholds_of(result: ScanResult, services: Services, backoff: Backoff) -> Thresholds:
    """The thresholds of the repository's tags, and otherwise those of the settings.

    :raises ClientError: and others, when it is unknown what the tags say.
    """
    settings = services.settings
    thresholds = settings.rules_of(result.repository).thresholds(settings.thresholds)
    if not settings.repository_tag_rules:
        return thresholds
    arn = _repository_arn(result)
    texts = _looked_up(
        result, services, {}, lambda registry: backoff.call(registry.repository_rules, arn)
    )
    rules, bad = parse_rules(texts)
    for rule in bad:
        logs.logger.warning(str(rule), extra={"repository": result.repository})
    return rules.thresholds(thresholds)


def scan_findings(result: ScanResult, services: Services, backoff: Backoff) -> ScanFindings | None:
    """What the scan found; None when the image is gone or the permission to ask is missing.

    :raises ClientError: and others, for then a later try may tell what is to be reported.
    """
    registry = services.registry_of(result.address)
    try:
        return registry.scan_findings(result.repository, result.image_digest, backoff.call)
    except RepositoryDeleted:
        return None
    except AWS_ERRORS as error:
        if not is_refusal(error):
            raise
        extra = {"repository": result.repository, "error": str(error)}
        logs.logger.warning("findings not readable", extra=extra)
        return None


def with_indexes(result: ScanResult, services: Services, backoff: Backoff) -> ScanResult | None:
    """The result with the tags of the image's indexes, where it has none; None of an attestation.

    ECR does not tell which index an image belongs to, so the repository's images are listed; what
    its indexes list is read once and remembered.

    :raises ClientError: and others, when the tags may exist and could not be read: they say with
        what the scan is to be compared.
    """
    if result.image_tags or not services.settings.resolve_indexes:
        return result
    read = services.repository_images_of(result.address).read
    images = _looked_up(result, services, (), lambda _: read(result.repository, backoff))
    image = next((each for each in images if each.digest == result.image_digest), None)
    if image is None:
        return result
    return None if image.attestation else replace(result, image_tags=image.index_tags)


def described(result: ScanResult, services: Services, backoff: Backoff) -> ScanResult:
    """The result with the reason why a basic scan failed, which its event does not tell.

    It says whether the image can be scanned at all. A later scan may have ended otherwise by now.

    :raises ClientError: and others, for a later try may tell it.
    """
    if not (result.is_basic and result.failed):
        return result
    scan = _looked_up(
        result,
        services,
        None,
        lambda registry: backoff.call(registry.last_scan, result.repository, result.image_digest),
    )
    if scan is None or scan.status != result.status:
        return result
    return replace(result, description=scan.description)


def uses_of(result: ScanResult, services: Services) -> tuple[str, ...]:
    """Which workloads run the image of a scan, as far as they were looked for."""
    if not services.settings.ecs_discovery or services.image_uses is None:
        return ()
    uses = services.image_uses.of(f"{result.account}/{result.region}/{result.repository}")
    return tuple(uses.get(result.image_digest, ()))


def _looked_up(
    result: ScanResult,
    services: Services,
    otherwise: Any,
    look_up: Callable[[Registry], Any],
) -> Any:
    """What is looked up, or ``otherwise`` where that is gone or may not be looked up.

    Any other failure is raised: what is looked up decides, and a later try may tell it.
    """
    try:
        return look_up(services.registry_of(result.address))
    except RepositoryDeleted:
        return otherwise
    except AWS_ERRORS as error:
        if not is_refusal(error):
            raise
        extra = {"repository": result.repository, "error": str(error)}
        logs.logger.warning("look-up failed", extra=extra)
        return otherwise


def _repository_arn(result: ScanResult) -> str:
    partitions = (name for prefix, name in _PARTITIONS.items() if result.region.startswith(prefix))
    partition = next(partitions, "aws")
    return f"arn:{partition}:ecr:{result.region}:{result.account}:repository/{result.repository}"
