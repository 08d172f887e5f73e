"""The parameters of ECR requests: their limits, and the tokens of pages."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, TypeVar

from local.cloud.faults import EcrError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.cloud.findings import Shape
    from local.cloud.images import Image

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE_SIZE = 1000
TAG_STATUSES = ("TAGGED", "UNTAGGED", "ANY")
IMAGE_STATUSES = ("ACTIVE", "ARCHIVED", "ACTIVATING", "ANY")

Item = TypeVar("Item")
Position = TypeVar("Position", int, str)


def named(request: Shape, parameter: str, most: int) -> list[Any]:
    """Return the things that a request names, which leave no room for pages."""
    if "maxResults" in request or "nextToken" in request:
        raise invalid_parameter(parameter, "cannot be used with 'maxResults' or 'nextToken'")
    names: list[Any] = request[parameter]
    if not 1 <= len(names) <= most:
        raise invalid_parameter(parameter, f"Member must have length between 1 and {most}")
    return names


def page_size(request: Shape) -> int:
    """Return how many results a page has: 100, or 1 to 1000 as the request says."""
    size: int = request.get("maxResults", DEFAULT_PAGE_SIZE)
    if not 1 <= size <= LARGEST_PAGE_SIZE:
        message = f"Member must have value between 1 and {LARGEST_PAGE_SIZE}"
        raise invalid_parameter("maxResults", message)
    return size


def image_filter(filters: Shape, default_status: str) -> Callable[[Image], bool]:
    """Return the test that a DescribeImagesFilter stands for."""
    tag_status = _choice(filters, "tagStatus", TAG_STATUSES, "ANY")
    image_status = _choice(filters, "imageStatus", IMAGE_STATUSES, default_status)

    def passes(image: Image) -> bool:
        return (image_status in ("ANY", image.status)) and (
            tag_status in ("ANY", "TAGGED" if image.tags else "UNTAGGED")
        )

    return passes


def _choice(filters: Shape, key: str, choices: tuple[str, ...], default: str) -> str:
    choice: str = filters.get(key, default)
    if choice not in choices:
        raise invalid_parameter(f"filter.{key}", f"Member must satisfy enum value set {choices}")
    return choice


def position(request: Shape, scope: str, start: Position) -> Position:
    """Return where the page begins which a request's token stands for."""
    token = request.get("nextToken")
    if token is None:
        return start
    try:
        token_scope, position = json.loads(urlsafe_b64decode(token))
    except (TypeError, ValueError) as error:
        raise invalid_parameter("nextToken", "Invalid token") from error
    if token_scope != scope or type(position) is not type(start):
        raise invalid_parameter("nextToken", "Invalid token")
    return position


def next_token(
    found: Sequence[Item],
    size: int,
    scope: str,
    position: Callable[[Item], int | str],
) -> Shape:
    """Return the token of the page after this one, where one item too many was found."""
    if len(found) <= size:
        return {}
    token = json.dumps([scope, position(found[size - 1])])
    return {"nextToken": urlsafe_b64encode(token.encode()).decode()}


def invalid_parameter(parameter: str, reason: str) -> EcrError:
    """Return the error which a parameter out of its limits gives."""
    message = f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"
    return EcrError("InvalidParameterException", message)
