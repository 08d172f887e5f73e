"""Which of a repository's images the rules select for review."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from chalicelib.ecr.images import Image
from chalicelib.policy.due import Reason, unscannable
from chalicelib.policy.rules import Rules
from chalicelib.runtime.patterns import names_matching

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def skipped(images: Sequence[Image], rules: Rules, now: datetime) -> dict[str, Reason]:
    """By digest, the rule that keeps an image from being reviewed; the others are selected.

    The images are all of one repository. The tags of an index count as its children's. The
    newest N are counted after the other rules, an index with its children as one image.

    :raises PatternTooSlow: when matching the tags takes too long.
    """
    tags = _matching_tags(images, rules)
    refusals = {image.digest: _refusal(image, rules, now, tags) for image in images}
    if rules.newest is not None:
        kept = [image for image in images if refusals[image.digest] is None]
        newest = with_platform_images(newest_of(kept, rules.newest), kept)
        refusals |= {
            image.digest: Reason.NOT_NEWEST for image in kept if image.digest not in newest
        }
    return {digest: reason for digest, reason in refusals.items() if reason is not None}


def named(images: Sequence[Image], names: Iterable[str]) -> list[Image]:
    """The images with one of these tags or digests; of an index so named its images too."""
    wanted = set(names)
    wholes = [image for image in images if not wanted.isdisjoint((image.digest, *image.tags))]
    digests = with_platform_images(wholes, images)
    return [image for image in images if image.digest in digests]


def refusal(image: Image, rules: Rules, now: datetime) -> Reason | None:
    """The rule that keeps one image from being reviewed, but for that of the newest ones.

    :raises PatternTooSlow: when matching the tags takes too long.
    """
    return _refusal(image, rules, now, _matching_tags([image], rules))


def newest_of(images: Iterable[Image], count: int) -> list[Image]:
    """The images, or image indexes, that were pushed last, an index counted once with its images.

    What is archived and what is no image is never among them.
    """
    wholes = [image for image in images if not image.index_digests and _is_whole(image)]
    return sorted(wholes, key=_pushed_at, reverse=True)[:count]


def newest_tagged(images: Iterable[Image]) -> Image | None:
    """The image, or image index, with a tag of its own that was pushed last."""
    return next(iter(newest_of((image for image in images if image.tags), 1)), None)


def with_platform_images(wholes: Iterable[Image], images: Iterable[Image]) -> set[str]:
    """The digests of images and image indexes, and of the indexes' images among ``images``."""
    digests = {image.digest for image in wholes}
    return digests | {image.digest for image in images if digests.intersection(image.index_digests)}


def _is_whole(image: Image) -> bool:
    """Whether it stands for an image by itself: an image, or an index of images."""
    return unscannable(image) in {None, Reason.MANIFEST_LIST}


def _refusal(image: Image, rules: Rules, now: datetime, tags: set[str] | None) -> Reason | None:
    if rules.tagged_only and not image.all_tags:
        return Reason.UNTAGGED
    if tags is not None and tags.isdisjoint(image.all_tags):
        return Reason.TAG_NOT_MATCHED
    if rules.pushed_within and _pushed_at(image) < rules.pushed_within.before(now):
        return Reason.PUSHED_EARLIER
    if rules.pulled_within and _last_used_at(image) < rules.pulled_within.before(now):
        return Reason.PULLED_EARLIER
    return None


def _matching_tags(images: Iterable[Image], rules: Rules) -> set[str] | None:
    if rules.tag_pattern is None:
        return None
    return set(
        names_matching(rules.tag_pattern, {tag for image in images for tag in image.all_tags})
    )


def _pushed_at(image: Image) -> datetime:
    return image.pushed_at or _LONG_AGO


def _last_used_at(image: Image) -> datetime:
    """When the image was last pulled, or pushed, so that a new one is not skipped."""
    return max(image.pulled_at or _LONG_AGO, _pushed_at(image))
