"""What is remembered in the application's table: each store made when a function first needs it."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.aws.deliveries import Deliveries
    from chalicelib.aws.dynamodb import Table
    from chalicelib.aws.image_uses import ImageUses
    from chalicelib.aws.line_states import LineStates
    from chalicelib.aws.listings import Listings
    from chalicelib.aws.news import NewsStore
    from chalicelib.aws.scan_budgets import ScanBudgets
    from chalicelib.aws.scan_records import ScanRecords
    from chalicelib.aws.sent_warnings import SentWarnings
    from chalicelib.settings.settings import Settings


class Stores:
    """The stores of one table, each None where no table is set, so that nothing is remembered.

    ``client`` makes the boto3 client of a service from its name. ``clock`` tells the time by which
    the table goes, in seconds since the epoch.
    """

    def __init__(self, settings: Settings, client: Callable[..., Any]) -> None:
        self.settings = settings
        self.clock: Callable[[], float] = lambda: time.time()
        self._client = client

    @cached_property
    def table(self) -> Table | None:
        """The table of what is remembered; None where nothing is."""
        from chalicelib.aws.dynamodb import Table

        name = self.settings.history_table_name
        return (
            None
            if name is None
            else Table(self._client("dynamodb"), name, clock=lambda: self.clock())
        )

    @cached_property
    def deliveries(self) -> Deliveries | None:
        """Which events are dealt with; None where nothing is remembered."""
        from chalicelib.aws.deliveries import Deliveries

        return None if self.table is None else Deliveries(self.table)

    @cached_property
    def line_states(self) -> LineStates | None:
        """What is known of lines; None where nothing is remembered."""
        from chalicelib.aws.line_states import LineStates

        return None if self.table is None else LineStates(self.table)

    @cached_property
    def sent_warnings(self) -> SentWarnings | None:
        """Which warnings of images in use were sent; None where nothing is remembered."""
        if not self.settings.ecs_discovery or self.table is None:
            return None
        from chalicelib.aws.sent_warnings import SentWarnings

        return SentWarnings(self.table)

    @property
    def news(self) -> NewsStore | None:
        """Where news is collected; None where each scan is reported at once."""
        return self.news_store if self.settings.collects_news else None

    @cached_property
    def news_store(self) -> NewsStore | None:
        """The news that waits; None where nothing is remembered."""
        from chalicelib.aws.news import NewsStore

        return None if self.table is None else NewsStore(self.table)

    @cached_property
    def scan_records(self) -> ScanRecords | None:
        """When images were last scanned; None where nothing is remembered."""
        from chalicelib.aws.scan_records import ScanRecords

        if self.table is None:
            return None
        return ScanRecords(self.table, self.settings.images_duration)

    @cached_property
    def scan_budgets(self) -> ScanBudgets | None:
        """What is reserved of each day's budget; None where nothing is remembered."""
        from chalicelib.aws.scan_budgets import ScanBudgets

        return None if self.table is None else ScanBudgets(self.table)

    @cached_property
    def listings(self) -> Listings | None:
        """What became of listings on demand; None where nothing is remembered."""
        from chalicelib.aws.listings import Listings

        return None if self.table is None else Listings(self.table)

    @cached_property
    def image_uses(self) -> ImageUses | None:
        """Where images are in use; None where nothing is remembered."""
        from chalicelib.aws.image_uses import ImageUses

        return None if self.table is None else ImageUses(self.table)
