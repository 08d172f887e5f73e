"""Warnings about images in use: those that are missing, and those out of reach."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled
from chalicelib.scanning.side_work import side_work
from chalicelib.settings.channels import CHAT, on_topic
from chalicelib.text.chat import announcement
from chalicelib.text.notifications import SMS_LENGTH, SUBJECT_LENGTH, Message, short
from chalicelib.text.templating import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.ecr.registries import RegistryAddress
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

_MOST_LISTED = 100


_MISSING, _OUT_OF_REACH = "images-in-use-missing", "images-in-use-out-of-reach"


def warn_of_missing_images(job: ScanJob, missing: Mapping[str, str], services: Services) -> None:
    """Tell people of images that workloads use and that their repository does not hold.

    Where that is remembered, they are sent again only when it changes.
    """
    place = f"{_place(job.address)} {job.repository}"
    with _news(_MISSING, place, missing, services) as is_news:
        if is_news:
            logs.count("ImagesInUseMissing", len(missing), Repository=job.repository)
            _warn(
                services,
                kind=_MISSING,
                subject=f"{_in_use(missing)} missing in {job.repository}",
                explanation=(
                    f"Repository {job.repository} ({_place(job.address)}) does not hold these"
                    " images any more, although they are in use. What runs goes on; its next"
                    " deployment, or the next start of a task, fails."
                ),
                images={f"{job.repository} {name}": where for name, where in missing.items()},
                repository=job.repository,
            )


def warn_of_images_out_of_reach(images: Mapping[str, str], services: Services) -> None:
    """Tell people of images in use in ECR registries that this application may not read.

    Where that is remembered, they are sent again only when it changes.
    """
    with _news(_OUT_OF_REACH, "", images, services) as is_news:
        if is_news:
            logs.count("ImagesInUseOutOfReach", len(images))
            _warn(
                services,
                kind=_OUT_OF_REACH,
                subject=f"{_in_use(images)} out of reach",
                explanation=(
                    "These images are in use, and in ECR registries that ECR Scan Reporter does not"
                    " cover or may not read, so their scans are not kept fresh. SCAN_REGIONS and"
                    " SCAN_ROLES say which registries are covered."
                ),
                images=images,
            )


def _in_use(images: Mapping[str, str]) -> str:
    return count_of(len(images), "image in use is", "images in use are")


@contextmanager
def _news(kind: str, place: str, images: Mapping[str, str], services: Services) -> Iterator[bool]:
    """Whether people are to be warned of these images; that they were is kept once it is done.

    A warning that fails is logged, stops nothing and is due again.
    """
    if _is_news(kind, place, images, services):
        with side_work("warning", warning=kind):
            yield bool(images)
            _keep(kind, place, images, services)
    else:
        yield False


def _is_news(kind: str, place: str, images: Mapping[str, str], services: Services) -> bool:
    """Whether other images were warned of last; they are news where that is not known."""
    warnings = services.sent_warnings
    if warnings is None:
        return bool(images)
    try:
        return not warnings.has(kind, place, images)
    except (Throttled, *AWS_ERRORS) as error:
        logs.logger.warning("sent warnings not read", extra={"error": str(error)})
        return bool(images)


def _keep(kind: str, place: str, images: Mapping[str, str], services: Services) -> None:
    warnings = services.sent_warnings
    if warnings is None:
        return
    try:
        warnings.keep(kind, place, images)
    except (Throttled, *AWS_ERRORS) as error:
        logs.logger.warning("sent warnings not kept", extra={"error": str(error)})


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
    channels = services.settings.channels
    listed = [f"{name} (in use by {where})" for name, where in images.items()]
    if services.settings.report_topic_arn is not None:
        texts = (subject, explanation, listed)
        services.report_topic.publish(_message(kind, *texts, images, repository, channels))
    if CHAT in channels:
        services.chat_topic.publish(announcement(subject, [explanation, *listed], kind))


def _message(
    kind: str,
    subject: str,
    explanation: str,
    listed: Sequence[str],
    images: Mapping[str, str],
    repository: str,
    channels: Sequence[str],
) -> Message:
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
        lists={"channels": on_topic(channels)},
    )


def _place(address: RegistryAddress) -> str:
    return f"{address.account or 'own account'}, {address.region or 'own region'}"
