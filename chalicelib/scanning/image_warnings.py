"""Warnings about images in use: those that are gone, and those out of this application's reach."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.runtime import logs
from chalicelib.scanning.side_work import side_work
from chalicelib.settings.channels import on_topic
from chalicelib.text.notifications import SMS_LENGTH, SUBJECT_LENGTH, Message, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

_MOST_LISTED = 100


def warn_of_missing_images(job: ScanJob, missing: Mapping[str, str], services: Services) -> None:
    """Tell people of images that workloads use and that their repository does not hold."""
    if not missing:
        return
    logs.count("ImagesInUseMissing", len(missing), Repository=job.repository)
    _warn(
        services,
        kind="images-in-use-missing",
        subject=f"{len(missing)} images in use are missing in {job.repository}",
        explanation=(
            f"Repository {job.repository} ({_place(job.address)}) does not hold these images any"
            " more, although they are in use. What runs goes on; its next deployment, or the next"
            " start of a task, fails."
        ),
        images={f"{job.repository} {name}": where for name, where in missing.items()},
        repository=job.repository,
    )


def warn_of_images_out_of_reach(images: Mapping[str, str], services: Services) -> None:
    """Tell people of images in use in ECR registries that this application may not read."""
    if not images:
        return
    logs.count("ImagesInUseOutOfReach", len(images))
    _warn(
        services,
        kind="images-in-use-out-of-reach",
        subject=f"{len(images)} images in use are out of reach",
        explanation=(
            "These images are in use, and in ECR registries that ECR Scan Reporter does not cover"
            " or may not read, so their scans are not kept fresh. SCAN_REGIONS and SCAN_ROLES say"
            " which registries are covered."
        ),
        images=images,
    )


def _warn(
    services: Services,
    *,
    kind: str,
    subject: str,
    explanation: str,
    images: Mapping[str, str],
    repository: str = "",
) -> None:
    logs.logger.warning(subject, extra={"warning": kind, "images": dict(images)})
    with side_work("warning", warning=kind):
        if services.settings.report_topic_arn is not None:
            channels = on_topic(services.settings.channels)
            message = _message(kind, subject, explanation, images, repository, channels)
            services.report_topic.publish(message)


def _message(
    kind: str,
    subject: str,
    explanation: str,
    images: Mapping[str, str],
    repository: str,
    channels: Sequence[str],
) -> Message:
    listed = [f"{name} (in use by {where})" for name, where in images.items()]
    more = [f"and {len(listed) - _MOST_LISTED} more"] if len(listed) > _MOST_LISTED else []
    text = "\n".join([explanation, "", *listed[:_MOST_LISTED], *more])
    document = json.dumps(
        {
            "kind": "warning",
            "version": "1",
            "warning": kind,
            "repository": repository or None,
            "images": [
                {"image": name, "where": images[name]} for name in list(images)[:_MOST_LISTED]
            ],
            "count": len(images),
        }
    )
    texts = {
        "default": document,
        "email": text,
        "sms": short("ECR: {}", subject, SMS_LENGTH),
    }
    attributes = {"warning": kind} | ({"repository": repository} if repository else {})
    return Message(
        short("[ECR] {}", subject, SUBJECT_LENGTH),
        json.dumps(texts),
        attributes,
        lists={"channels": channels},
    )


def _place(address: RegistryAddress) -> str:
    return f"{address.account or 'own account'}, {address.region or 'own region'}"
