"""Warnings about images in use: those that are missing, and those out of reach."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.policy.last_warnings import LastWarning
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
    from chalicelib.policy.last_warnings import Change
    from chalicelib.scanning.jobs import ScanJob
    from chalicelib.services import Services

_MOST_LISTED = 100


_MISSING, _OUT_OF_REACH = "images-in-use-missing", "images-in-use-out-of-reach"


def warn_of_missing_images(job: ScanJob, missing: Mapping[str, str], services: Services) -> None:
    """Tell people of images that workloads use and that their repository does not hold.

    Where that is remembered, they are sent again only when it changes. Of a job that does not know
    all images in use, those are sent that were not missing before; those of its own that are there
    are sent once they are missing again.
    """
    place = f"{_place(job.address)} {job.repository}"
    found = [name for name in job.images_in_use if name not in missing]
    with _news(
        _MISSING, place, missing, services, complete=job.knows_all_uses, found=found
    ) as missing:
        if missing:
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


def warn_of_images_out_of_reach(
    images: Mapping[str, str], services: Services, *, complete: bool = True
) -> None:
    """Tell people of images in use in ECR registries that this application may not read.

    Where that is remembered, they are sent again only when it changes. Unless they are
    ``complete``, those are sent that were not out of reach before.
    """
    with _news(_OUT_OF_REACH, "", images, services, complete=complete) as images:
        if images:
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
def _news(
    kind: str,
    place: str,
    images: Mapping[str, str],
    services: Services,
    *,
    complete: bool,
    found: Sequence[str] = (),
) -> Iterator[Mapping[str, str]]:
    """Those of the images that people are to be warned of; that they were is kept once it is done.

    What is complete is news once it changes. What is not says only of those ``found`` that they are
    not missing: those that come to it are news, and no others are forgotten.

    A warning that fails is logged, stops nothing and is due again.
    """
    if not (complete or images or found):
        yield {}
        return
    last = _last(kind, place, services)
    change = last.change_by_all(images) if complete else last.change_by_some(images, found)
    with side_work("warning", warning=kind):
        yield change.news
        _note(kind, place, change, services)


def _last(kind: str, place: str, services: Services) -> LastWarning:
    """What was warned of last; nothing where that is not known."""
    warnings = services.sent_warnings
    if warnings is not None:
        try:
            return warnings.of(kind, place)
        except (Throttled, *AWS_ERRORS) as error:
            logs.logger.warning("sent warnings not read", extra={"error": str(error)})
    return LastWarning()


def _note(kind: str, place: str, change: Change, services: Services) -> None:
    warnings = services.sent_warnings
    if warnings is None:
        return
    try:
        warnings.note(kind, place, change)
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
