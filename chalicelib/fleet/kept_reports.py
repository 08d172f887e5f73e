"""Fleet reports in the bucket: the page for people, and the JSON to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fleet.formats.html_page import as_html
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.fleet.formats.json_reader import ReportError, from_json
from chalicelib.fleet.formats.pages import StoredReport
from chalicelib.runtime import logs

if TYPE_CHECKING:
    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.fleet.digest_keys import DigestKeys
    from chalicelib.fleet.report import FleetReport

URL_HOURS = 12
"""For how long the link in the email is signed; Lambda's credentials may end before."""


def keep_page(report: FleetReport, keys: DigestKeys, bucket: ReportBucket) -> None:
    """Write the page. Calls: s3:PutObject on ``fleet-reports/*``, as the next."""
    bucket.put(keys.html, as_html(report), "text/html; charset=utf-8")


def keep_json(report: FleetReport, keys: DigestKeys, bucket: ReportBucket) -> None:
    """Write the JSON, after everything else: it says that all is there."""
    bucket.put(keys.json, to_json(report), "application/json")


def read_report(key: str, bucket: ReportBucket) -> FleetReport | None:
    """A report that was kept; None where there is none, or none that can be read."""
    text = bucket.get(key)
    if text is None:
        return None
    try:
        return from_json(text)
    except ReportError as error:
        logs.logger.warning("kept report not read", extra={"key": key, "error": str(error)})
        return None


def stored_report(keys: DigestKeys, bucket: ReportBucket) -> StoredReport:
    """Where a report is, with an address of its page that is signed now."""
    url = bucket.presigned_url(keys.html, URL_HOURS * 3600)
    return StoredReport(url, URL_HOURS, bucket.name, keys.html, keys.json)
