"""Structured logs: one JSON object a line, with CloudWatch metrics embedded in the summaries."""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter

METRICS_NAMESPACE = "EcrScanReporter"

logger = logging.getLogger("ecr-scan-reporter")
"""The application's logger: Chalice logs what fails behind the HTTP door to the same name."""

_request: dict[str, str] = {}


def configure(level: str) -> None:
    """Write this application's logs to standard output, from ``level`` on, as JSON lines.

    Lines with metrics in them are written whatever the level.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{message}",
            style="{",
            timestamp=True,
            rename_fields={"levelname": "level", "exc_info": "exception"},
        )
    )
    handler.addFilter(_add_request)
    logger.handlers = [handler]
    logger.setLevel(level)
    # Lambda's own root handler would write every line a second time.
    logger.propagate = False


def of_request(context: Any) -> None:
    """Put a Lambda context's request id into every line from now on."""
    _request["request_id"] = getattr(context, "aws_request_id", "")


def summary(message: str, metrics: Mapping[str, int], **fields: Any) -> None:
    """Log the one line that tells what a run did; ``metrics`` become CloudWatch metrics too."""
    _write({"message": message, **fields, **_embedded(metrics)})


def count(metric: str, value: int, **dimension: str) -> None:
    """Log a CloudWatch metric that is counted by a dimension, such as a reason."""
    _write({"message": metric, **_embedded({metric: value}, dimension)})


def not_delivered(channel: str, error: Exception) -> None:
    """Log, with its trace, that a channel could not be reached, and count it by the channel."""
    logger.error("not delivered", extra={"channel": channel}, exc_info=error)
    count("NotificationsFailed", 1, Channel=channel)


def _write(line: Mapping[str, Any]) -> None:
    """Write a line that holds metrics, at any level: alarms do not depend on how much is logged."""
    logger.handle(logger.makeRecord(logger.name, logging.INFO, "", 0, line, (), None))


def _embedded(
    metrics: Mapping[str, int], dimension: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The fields that make CloudWatch extract metrics from a log line.

    Source: CloudWatch user guide, "Embedded metric format specification".
    """
    dimension = dimension or {}
    directive = {
        "Namespace": METRICS_NAMESPACE,
        "Dimensions": [list(dimension)],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {**metrics, **dimension, "_aws": about}


def _add_request(record: logging.LogRecord) -> bool:
    record.__dict__.update(_request)
    return True
