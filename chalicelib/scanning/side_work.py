"""Work beside the scanning, whose failure stops nothing: warnings, and what is kept for reports."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AWS_ERRORS
from chalicelib.runtime import logs
from chalicelib.runtime.backoff import Throttled
from chalicelib.settings.rows import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def side_work(what: str, **about: object) -> Iterator[None]:
    """Log and count what fails within, and go on."""
    try:
        yield
    except (Throttled, SettingError, *AWS_ERRORS) as error:
        logs.count("SideWorkFailed", 1, What=what)
        logs.logger.error(f"{what} failed", extra={**about, "error": str(error)})
