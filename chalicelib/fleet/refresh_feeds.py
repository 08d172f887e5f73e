"""What a scheduled event of the feeds asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.fleet.feeds import refresh
from chalicelib.fleet.fetching import fetch
from chalicelib.policy.feeds import EPSS, KEV
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.services import Services


def refresh_feeds(services: Services) -> None:
    """Fetch the feeds, unless they are off; what fails is logged, counted, and tried next time."""
    settings = services.settings
    if not settings.feeds:
        logs.logger.info("feeds are off")
        return
    addresses = {KEV: settings.kev_address, EPSS: settings.epss_address}
    states = refresh(services.report_bucket, addresses, datetime.now(UTC), fetch)
    logs.summary(
        "feeds refreshed",
        {"FeedsNotFetched": sum(bool(state.problem) for state in states)},
        feeds={state.name: state.problem or f"{state.entries:,} entries" for state in states},
    )
