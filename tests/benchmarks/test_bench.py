"""The application beside the usual approach, at a size that tests have time for."""

import json
import sys

import pytest
from rich.console import Console

from benchmarks.__main__ import SPEED, comparison, main, operations, results
from benchmarks.cloud import World
from benchmarks.measurements import Measurement, measure
from benchmarks.prices import dollars_a_month, gb_seconds

# What it runs is covered line by line elsewhere; counting the lines here too doubles the time.
pytestmark = pytest.mark.no_cover

LIMITS = {"rate": 20, "burst": 20}


@pytest.mark.parametrize("state", ["fresh", "stale", "mixed"])
def test_both_start_what_is_due_and_the_application_takes_fewer_calls(state):
    world = World(6, 7, state, **LIMITS)
    application, baseline = (measure(system, world) for system in ("application", "baseline"))
    for measured in (application, baseline):
        assert measured.failed_invocations == 0
    assert application.scans_started == world.due
    # ECR does not list when images were scanned, so that all of them seem due.
    assert baseline.scans_started == world.total
    accepted = application.calls.get("StartImageScan", 0) - application.refused.get(
        "ThrottlingException", 0
    )
    assert accepted <= world.due
    assert "LimitExceededException" not in application.refused
    assert baseline.refused.get("LimitExceededException", 0) == 2 * world.total
    assert sum(application.calls.values()) < sum(baseline.calls.values())
    assert application.simulated_seconds <= baseline.simulated_seconds
    assert gb_seconds(application) < gb_seconds(baseline)


@pytest.mark.parametrize(("rate", "seconds"), [(20, 19 * 1.05), (100, 6)])
def test_scans_of_one_repository_start_about_as_fast_as_ecr_allows(rate, seconds):
    world = World(1, 400, "stale", rate=rate, burst=rate, ecr_seconds=0.1)
    assert world in SPEED
    measured = measure("application", world)
    assert (measured.scans_started, measured.failed_invocations) == (400, 0)
    assert measured.simulated_seconds <= seconds
    assert sum(measured.refused.values()) <= 0.05 * 400


def test_a_run_makes_the_same_calls_again():
    world = World(12, 10, "stale", **LIMITS)
    first, second = (measure("application", world) for _ in range(2))
    assert first.refused["ThrottlingException"] > 0
    assert (first.calls, first.refused) == (second.calls, second.refused)
    assert first.simulated_seconds == second.simulated_seconds


def test_a_repository_that_takes_longer_than_a_function_may_run_is_re_enqueued():
    measured = measure("application", World(1, 60, "stale", rate=0.1, burst=1))
    assert measured.scans_started == 60
    assert measured.longest_invocation < 300
    assert measured.invocations > 3


def measurement(**members):
    return Measurement("application", World(1, 1, "fresh").to_dict(), **members)


def test_a_month_is_thirty_runs_at_list_prices():
    measured = measurement(
        invocations=1000, invocation_seconds=3_931, processor_seconds=10, sqs_billed=2100
    )
    # 256 MB are a quarter of a GB, and 256 / 1769 of a processor.
    assert gb_seconds(measured) == pytest.approx((3_931 + 69.1) / 4, abs=0.01)
    lambda_time, lambda_requests, sqs = 1000.03 * 0.0000133334, 1000 * 2e-7, 2100 * 4e-7
    month = 30 * (lambda_time + lambda_requests + sqs)
    assert dollars_a_month(measured) == pytest.approx(month, rel=1e-4)


def test_the_tables_show_each_run_and_how_many_times_as_much_the_baseline_takes(capsys):
    pair = [
        Measurement(
            system,
            World(1, 100, "stale").to_dict(),
            calls={"StartImageScan": calls},
            invocations=1,
            invocation_seconds=calls / 10,
            simulated_seconds=calls / 10,
            longest_invocation=1,
            wall_seconds=1,
            memory_peak=2**20,
        )
        for system, calls in (("application", 100), ("baseline", 300))
    ]
    Console(width=200).print(comparison(pair), operations(pair))
    printed = capsys.readouterr().out
    assert "3.0 times" in printed
    assert "2.50" in printed  # 10 seconds, where 80 calls at 20 a second take 4 at least
    assert printed.count("StartImageScan") == 1


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    written, tables = tmp_path / "bench.json", tmp_path / "bench.md"
    arguments = ["--quick", "--states", "fresh", "--json", str(written), "--markdown", str(tables)]
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    main()
    runs = json.loads(written.read_text())["runs"]
    assert [run["system"] for run in runs] == ["application", "baseline"] * 2
    assert runs == results([Measurement(**_members(run)) for run in runs])["runs"]
    assert tables.read_text().count("| ratio") == 2
    assert "API calls by operation" in capsys.readouterr().out


def _members(run):
    derived = {"least_seconds", "gb_seconds", "dollars_a_month"}
    return {name: value for name, value in run.items() if name not in derived}
