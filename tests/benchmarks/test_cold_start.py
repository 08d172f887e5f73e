"""Budgets of what a function loads, by counts of modules and bytes and not by time."""

import pytest

from benchmarks.cold_start import first_runs, own_modules

MOST_BYTES = 930_000
MOST_MODULES = 150
MOST_OWN_MODULES = 44
MOST_MODULES_AFTER_A_RUN = 545

FIRST_RUNS = {
    "list_repositories": (["ecr", "sqs"], {"scanning"}),
    "scan_images": (["dynamodb", "ecr"], {"scanning"}),
    "notify": (["dynamodb", "ecr"], {"notifying"}),
    "send_reports": (["dynamodb"], {"notifying"}),
    "report_fleet": (["dynamodb", "ecr", "s3", "sns"], {"fleet"}),
    "refresh_feeds": ([], {"fleet"}),
    "start_scans": (["dynamodb", "ecr", "sqs"], {"scanning"}),
    "show_listing": (["dynamodb"], {"scanning"}),
    "find_findings": (["s3"], {"fleet"}),
}
"""By function: the services it makes clients of, and which of the flows it loads."""

FLOWS = {"scanning", "notifying", "fleet"}


@pytest.fixture(scope="module")
def runs(packaged):
    return {run.function: run for run in first_runs(packaged)}


def test_the_zip_file_is_within_its_budget(packaged):
    assert packaged.size <= MOST_BYTES


def test_importing_app_is_within_its_budget_and_loads_no_aws_sdk(packaged):
    modules = packaged.modules()
    assert len(modules) <= MOST_MODULES
    assert len(own_modules(modules)) <= MOST_OWN_MODULES
    assert not {"boto3", "botocore", "urllib3"} & {*modules}


@pytest.mark.parametrize("function", FIRST_RUNS)
def test_a_first_run_makes_the_clients_that_it_needs_and_loads_its_own_flow(runs, function):
    run = runs[function]
    flows = FLOWS & {name.partition(".")[0] for name in run.own}
    assert (run.services, flows) == FIRST_RUNS[function]
    assert run.modules <= MOST_MODULES_AFTER_A_RUN


def test_every_function_of_the_application_has_its_row(packaged):
    script = "import app; print(*app.app.handler_map)"
    assert {*packaged.python(["-c", script], {}).stdout.split()} == FIRST_RUNS.keys()


def test_what_a_start_takes_is_told_by_module(packaged):
    start = packaged.start()
    assert start.slowest[0] == ("app", start.microseconds)
    assert "chalice.app" in dict(start.slowest)
