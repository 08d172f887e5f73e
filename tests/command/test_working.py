"""What the command line says while it works, when something fails, and when it is interrupted."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.line_states import LineStates
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from chalicelib.policy.states import Line
from ecr_scan_reporter import __main__ as program
from local.history import create_history_table
from local.seed import seed
from tests.policy.repositories import a_state

LONG_AGO = datetime.now(UTC) - timedelta(days=60)
COMMANDS = ("plan", "scan", "report", "gate", "check-risks", "check-config")


@pytest.fixture
def repositories(aws):
    """Three repositories, each with two images that are due."""
    for name in ("aa", "bb", "cc"):
        for tag in ("1", "2"):
            aws.add_image(name, tags=(tag,), scanned_at=LONG_AGO)


@pytest.mark.usefixtures("repositories")
class TestErrors:
    def test_one_repository_that_cannot_be_read_is_named_and_the_others_are_planned(self, run, aws):
        aws.fail_next("DescribeImages", "InvalidParameterException")
        status, out, err = run("plan")
        assert status == 1
        assert err == "error: aa: DescribeImages refused (InvalidParameterException)\n"
        assert "4 of 4 images are due." in out

    def test_what_is_refused_everywhere_is_said_once(self, run, aws):
        aws.fail_next("DescribeImages", "AccessDeniedException", 3)
        status, _, err = run("plan")
        assert status == 1
        assert err.splitlines() == [
            "error: aa: DescribeImages refused (AccessDeniedException)",
            "error: bb, cc: also DescribeImages refused (AccessDeniedException)",
        ]

    def test_a_permission_that_is_missing_is_not_asked_for_again_in_a_repository(self, run, aws):
        aws.fail_next("StartImageScan", "AccessDeniedException", 2)
        status, out, err = run("scan", "--json", "-")
        assert status == 1
        assert aws.calls["StartImageScan"] == 4
        assert [row["started"] for row in json.loads(out)] == [0, 0, 2]
        assert err.count("StartImageScan refused (AccessDeniedException)") == 2

    def test_scans_that_do_not_start_are_counted_by_reason(self, run, aws):
        aws.fail_next("StartImageScan", "ValidationException", 2)
        status, out, _ = run("scan", "--json", "-")
        row = json.loads(out)[0]
        assert (status, row["repository"], row["started"]) == (1, "aa", 0)
        assert row["error"] == (
            "scans not started: 2 times StartImageScan refused (ValidationException)"
        )

    def test_what_the_report_does_not_reach_is_said_once(self, run, aws):
        aws.fail_next("DescribeImages", "AccessDeniedException", 3)
        status, _, err = run("report")
        assert (status, err.count("AccessDeniedException"), err.count("\n")) == (1, 2, 2)

    @pytest.mark.parametrize("command", ["plan", "scan", "report"])
    def test_a_filter_that_matches_nothing_is_a_warning_and_status_3(self, run, aws, command):
        status, _, err = run(command, "--repos-regex", "^shpo/")
        assert status == 3
        assert re.fullmatch(r"warning: no repository( of 3)? matches '\^shpo/'\n", err)

    @pytest.mark.parametrize("command", ["plan", "scan", "report"])
    def test_so_is_a_filter_of_the_environment(self, run, monkeypatch, command):
        monkeypatch.setenv("REPOSITORIES_FILTER_REGEXP", "^shpo/")
        assert run(command)[0] == 3

    def test_a_filter_that_matches_nothing_never_passes(self, run):
        assert run("report", "--repos-regex", "^shpo/", "--fail-on", "critical")[0] == 3

    @pytest.mark.parametrize("command", ["plan", "scan", "report"])
    def test_an_empty_registry_is_no_mistake_in_a_filter(self, run, aws, command):
        aws.repositories.clear()
        assert run(command)[0] == 0


class TestInterruption:
    @pytest.fixture
    def interrupted_at(self, aws, monkeypatch):
        """Press Ctrl-C during a call of an operation."""

        def at(interrupted, number):
            answer = aws.answer

            def interrupting(operation, request):
                if operation == interrupted and aws.calls[operation] == number - 1:
                    os.kill(os.getpid(), signal.SIGINT)
                return answer(operation, request)

            monkeypatch.setattr(aws, "answer", interrupting)

        return at

    @pytest.mark.usefixtures("repositories")
    def test_says_what_was_started_and_keeps_it(self, run, aws, interrupted_at):
        interrupted_at("StartImageScan", 4)
        status, out, err = run("scan", "--json", "-")
        assert status == 130
        [(total, names)] = re.findall(r"interrupted; scans started, which go on: (.) \((.*)\)", err)
        assert int(total) == aws.scans_in_progress
        assert names.startswith("aa 2, bb ")
        assert json.loads(out)[0]["repository"] == "aa"

    @pytest.mark.usefixtures("repositories")
    def test_before_anything_is_started_says_that_too(self, run, interrupted_at):
        interrupted_at("DescribeImages", 1)
        status, _, err = run("scan")
        assert (status, "which go on: 0\n" in err) == (130, True)


class TestText:
    @pytest.mark.parametrize("command", ["plan", "scan", "report"])
    def test_fits_into_80_columns_without_microseconds(self, run, aws, monkeypatch, command):
        monkeypatch.setenv("COLUMNS", "80")
        seed(aws)
        _, out, _ = run(command)
        assert max(map(len, out.splitlines())) <= 80
        assert not re.search(r":\d\d\.\d", out)
        assert "+00:00" not in out

    def test_json_has_whole_seconds(self, run, aws):
        aws.add_image("aa", scanned_at=LONG_AGO)
        _, out, _ = run("plan", "--json", "-")
        assert re.fullmatch(r"[-\dT:]{19}\+00:00", json.loads(out)[0]["scanCompletedAt"])

    def test_rows_come_as_the_repositories_are_read(self, run, aws, monkeypatch):
        for name in ("aa", "bb"):
            aws.add_image(name, scanned_at=LONG_AGO)
        printed = []
        add = program.plan.__globals__["tables"].PlanTable.add
        monkeypatch.setattr(
            "ecr_scan_reporter.tables.PlanTable.add",
            lambda table, rows: (printed.append(aws.calls["DescribeImages"]), add(table, rows)),
        )
        run("plan")
        assert printed == [1, 2]


class TestOptions:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_profile_region_and_json_as_a_file(self, run, command):
        status, out, _ = run(command, "--help")
        assert status == 0
        for option in ("--profile", "--region", "--json FILE"):
            assert option in out

    @pytest.mark.parametrize("command", ["plan", "scan", "report"])
    def test_json_is_written_to_a_file_beside_the_table(self, run, aws, tmp_path, command):
        aws.add_image("aa", tags=("1",), scanned_at=LONG_AGO)
        _, out, _ = run(command, "--json", str(tmp_path / "out.json"))
        assert json.loads((tmp_path / "out.json").read_text())
        assert ("aa" in out) == (command != "report")

    def test_the_version_is_that_of_the_project(self, run):
        status, out, _ = run("--version")
        assert status == 0
        assert re.fullmatch(r"ecr-scan-reporter \d+\.\d+\.\d+\n", out)


class TestFailOn:
    @pytest.fixture(autouse=True)
    def _image(self, aws):
        now = datetime.now(UTC)
        aws.add_image("aa", tags=("1",), scanned_at=now, findings={"HIGH": 1, "LOW": 1})

    @pytest.mark.parametrize(("severity", "status"), [("critical", 0), ("HIGH", 1), ("low", 1)])
    def test_a_report_ends_with_status_1_for_findings_of_that_severity(self, run, severity, status):
        assert run("report", "--fail-on", severity)[0] == status

    def test_what_is_unknown_is_never_status_0(self, run, aws):
        aws.add_image("bb", tags=("1",))
        status, _, err = run("report", "--fail-on", "critical")
        assert status == 2
        assert "could not decide: what is open is unknown in 1 repository" in err
        assert run("report", "--fail-on", "high")[0] == 1

    def test_overdue_findings_fail_it_where_it_is_known_which_are(self, run, aws, monkeypatch):
        status, _, err = run("report", "--fail-on", "overdue")
        assert (status, "no due dates are set (SLA)" in err) == (2, True)
        monkeypatch.setenv("SLA", "HIGH=30d")
        status, _, err = run("report", "--fail-on", "overdue")
        assert (status, "unknown of 1 finding with a due date" in err) == (2, True)
        monkeypatch.setenv("HISTORY_TABLE_NAME", create_history_table())
        high, _ = json.loads(run("report", "--json", "-")[1])["findings"]
        now = int(datetime.now(UTC).timestamp())
        for tag, days, status in (("1", 3, 0), ("2", 31, 1)):
            entry = Entry("HIGH", (Span(now - days * DAY, now),))
            ledger = Ledger({f"{high['id']} {high['package']}": entry}, (now,))
            states = LineStates(Table(boto3.client("dynamodb"), "history"))
            place = f"{aws.account_id}/eu-west-1/aa"
            states.keep(place, a_state(Line(tag, ""), "before", ledger=ledger))
            assert run("report", "--fail-on", "overdue")[0] == status

    def test_what_is_not_looked_at_is_never_status_0(self, run, aws):
        aws.fail_next("DescribeRepositories", "AccessDeniedException")
        assert run("report", "--fail-on", "critical")[0] == 2

    def test_findings_without_a_fix_do_not_count_where_only_those_with_one_do(
        self, run, aws, monkeypatch
    ):
        aws.scan_type = "ENHANCED"
        monkeypatch.setenv("FIXABLE_ONLY", "true")
        assert run("report", "--fail-on", "high")[0] == 0


SHOWN = """\
import time
from ecr_scan_reporter.progress import progress
with progress("Reading repositories") as bar:
    bar.advance(1, 3)
    bar.add("2 started")
    time.sleep(0.3)
    with bar.hidden():
        print("a row")
print("done")
"""


class TestProgress:
    @pytest.fixture
    def on_terminal(self):
        """Run the script with a terminal as standard error, and perhaps as standard output."""

        def run(**streams):
            leader, follower = pty.openpty()
            streams = {name: stream or follower for name, stream in streams.items()}
            command = [sys.executable, "-c", SHOWN]
            environment = os.environ | {"TERM": "xterm"}
            done = subprocess.run(command, stderr=follower, env=environment, check=True, **streams)
            os.close(follower)
            shown = os.read(leader, 65536).decode()
            os.close(leader)
            return done.stdout, shown

        return run

    def test_is_on_standard_error_and_rows_go_where_they_are_sent(self, on_terminal):
        out, shown = on_terminal(stdout=subprocess.PIPE)
        assert out == b"a row\ndone\n"
        assert "Reading repositories: 2 started" in shown
        assert "1/3" in shown

    def test_is_out_of_the_way_of_rows_on_the_same_terminal(self, on_terminal):
        _, shown = on_terminal(stdout=None)
        before, _, _ = shown.partition("a row")
        assert "Reading repositories" in before
        assert before.endswith("\x1b[2K")  # which clears the line

    def test_is_not_in_a_log(self):
        done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, check=True)
        assert (done.stdout, done.stderr) == (b"a row\ndone\n", b"")
