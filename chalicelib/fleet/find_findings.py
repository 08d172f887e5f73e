"""What a request for findings is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.fleet.find import NothingKept, Query, WrongFilter, find
from chalicelib.settings.rows import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.services import Services

MOST_BYTES = 5_500_000
"""The longest answer that is given; Lambda takes 6 MB."""


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
        return _fitted(find(query, services.report_bucket).document()), 200
    except (NothingKept, SettingError) as error:
        return {"Code": "NotFoundError", "Message": str(error)}, 404


def _fitted(document: dict[str, Any]) -> dict[str, Any]:
    """The answer with as many findings as Lambda can answer with, the most urgent ones."""
    while len(json.dumps(document)) > MOST_BYTES:
        findings = document["findings"]
        document = {**document, "findings": findings[: len(findings) // 2]}
    return document
