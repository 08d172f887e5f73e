"""Findings that an owner accepts, for a reason and until a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class AcceptedRisk:
    """One entry of the list: what it covers, why, and until when (that day included).

    ``vulnerability``, ``package`` and ``repository`` are names or glob patterns; None covers any.
    ``expires`` is None for an entry without end; ``line`` is where it begins in the list.
    """

    reason: str
    vulnerability: str | None = None
    package: str | None = None
    repository: str | None = None
    expires: date | None = None
    line: int = 0
