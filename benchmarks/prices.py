"""What a month of such runs costs at list prices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measurements import PROJECT

if TYPE_CHECKING:
    from benchmarks.measurements import Measurement

DOLLARS_A_GB_SECOND = 0.0000133334
"""Lambda on arm64, the first 7.5 billion a month, us-east-1.
Source: https://aws.amazon.com/lambda/pricing/, looked up on 24 November 2026."""

DOLLARS_A_LAMBDA_REQUEST = 0.20 / 1_000_000
"""Source: the same."""

DOLLARS_AN_SQS_REQUEST = 0.40 / 1_000_000
"""Of a standard queue, us-east-1. Source: https://aws.amazon.com/sqs/pricing/, looked up on
24 November 2026."""

MEGABYTES_OF_A_PROCESSOR = 1769
"""With how much memory a function has a whole processor; with less, that part of one.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""

DOLLARS_A_UNIT = {"read": 0.125 / 1_000_000, "write": 0.625 / 1_000_000}
"""Request units of DynamoDB on demand, us-east-1, as in docs/costs.md."""

RUNS_A_MONTH = 30

MEGABYTES: int = json.loads((PROJECT / ".chalice" / "config.json").read_text())[
    "lambda_memory_size"
]
"""The memory of the functions as deployed."""


def gb_seconds(measured: Measurement) -> float:
    """What a run is billed for: its waiting, and its computing on a part of a processor.

    The waiting is simulated. The computing was measured here, and is longer by as much as the
    function's part of a processor is smaller; how fast Lambda's processors are beside this
    machine's is not known.
    """
    computing = measured.processor_seconds * MEGABYTES_OF_A_PROCESSOR / MEGABYTES
    return (measured.invocation_seconds + computing) * MEGABYTES / 1024


def dollars_a_month(measured: Measurement) -> float:
    """Lambda, SQS and DynamoDB; ECR's own calls and its basic scans are free."""
    run = (
        gb_seconds(measured) * DOLLARS_A_GB_SECOND
        + measured.invocations * DOLLARS_A_LAMBDA_REQUEST
        + measured.sqs_billed * DOLLARS_AN_SQS_REQUEST
        + sum(units * DOLLARS_A_UNIT[kind] for kind, units in measured.table_units.items())
    )
    return run * RUNS_A_MONTH
