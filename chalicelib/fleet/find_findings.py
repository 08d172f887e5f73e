"""What a request for findings is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.fleet.find import NothingKept, Query, WrongFilter, find
from chalicelib.runtime.answers import MOST_BYTES, fitted
from chalicelib.settings.rows import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.services import Services


def find_findings(
    filters: Mapping[str, str] | None, services: Services
) -> tuple[dict[str, Any], int]:
    """The answer's body and status: 400 for a wrong filter, 404 before the first digest."""
    try:
        query = Query.of(filters or {})
    except WrongFilter as error:
        return {"Code": "BadRequestError", "Message": str(error)}, 400
    if not services.settings.digest:
        message = "nothing is kept, since digests are off (DIGEST)"
        return {"Code": "NotFoundError", "Message": message}, 404
    try:
        return fitted(find(query, services.report_bucket).document(), MOST_BYTES), 200
    except (NothingKept, SettingError) as error:
        return {"Code": "NotFoundError", "Message": str(error)}, 404
