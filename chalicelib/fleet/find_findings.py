"""What a request for findings is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.fleet.find import NothingKept, Query, WrongFilter, find
from chalicelib.fleet.finding_lines import LinesNotRead
from chalicelib.runtime.answers import MOST_BYTES, fitted
from chalicelib.settings.rows import SettingError
from chalicelib.text.shown import shown

if TYPE_CHECKING:
    from chalice.app import MultiDict

    from chalicelib.services import Services


def find_findings(filters: MultiDict | None, services: Services) -> tuple[dict[str, Any], int]:
    """The answer's body and status: 400 for a wrong filter, 404 before the first digest.

    500 where what was kept cannot be read, which must not look as if nothing was found.
    """
    try:
        query = Query.of(_given_once(filters) if filters else {})
    except WrongFilter as error:
        return {"Code": "BadRequestError", "Message": str(error)}, 400
    if not services.settings.digest:
        message = "nothing is kept, since digests are off (DIGEST)"
        return {"Code": "NotFoundError", "Message": message}, 404
    try:
        return fitted(find(query, services.report_bucket).document(), MOST_BYTES), 200
    except (NothingKept, SettingError) as error:
        return {"Code": "NotFoundError", "Message": str(error)}, 404
    except LinesNotRead as error:
        return {"Code": "InternalServerError", "Message": str(error)}, 500


def _given_once(filters: MultiDict) -> dict[str, str]:
    """Since of several values the last one alone would be answered, without a word."""
    for name in filters:
        if (times := len(filters.getlist(name))) > 1:
            raise WrongFilter(f"{shown(name)} is given {times} times; a filter can be given once")
    return dict(filters)
