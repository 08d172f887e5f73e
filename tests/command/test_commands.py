"""The command line, against the local ECR."""

import json
from datetime import UTC, datetime, timedelta

import pytest

STALE = datetime.now(UTC) - timedelta(days=30)


@pytest.fixture(autouse=True)
def _registry(aws):
    aws.add_image("shop/api", tags=("1", "latest"), scanned_at=STALE)
    aws.add_image("shop/api", scanned_at=datetime.now(UTC))
    aws.add_image("payments/api", tags=("2",))


def test_plan_shows_every_image_and_the_rule_and_starts_nothing(run, aws):
    status, out, _ = run("plan")
    assert status == 0
    for text in ("shop/api", "1, latest", "scan expired", "scan fresh", "never scanned"):
        assert text in out
    assert "2 of 3 images are due." in out
    assert aws.calls["StartImageScan"] == 0


def test_plan_as_json_is_for_machines(run):
    _, out, _ = run("plan", "--json", "-", "--repos-regex", "^shop")
    first, second = json.loads(out)
    assert first["repository"] == "shop/api"
    assert (first["due"], first["reason"], first["imageTags"]) == (
        True,
        "scan expired",
        ["1", "latest"],
    )
    assert (second["due"], second["reason"]) == (False, "scan fresh")
    assert datetime.fromisoformat(first["scanCompletedAt"]) == STALE.replace(
        microsecond=0
    ) or first["scanCompletedAt"].startswith(STALE.isoformat()[:19])


def test_the_duration_of_the_command_line_counts(run):
    _, out, _ = run("plan", "--json", "-", "--duration", "2m", "--repos-regex", "^shop")
    assert [image["due"] for image in json.loads(out)] == [False, False]


def test_scan_starts_what_is_due(run, aws):
    status, out, err = run("scan")
    assert (status, err) == (0, "")
    assert aws.calls["StartImageScan"] == 2
    assert "1 scan fresh" in out


def test_scan_as_json(run):
    _, out, _ = run("scan", "--json", "-", "--repos-regex", "shop")
    assert json.loads(out) == [
        {
            "repository": "shop/api",
            "error": None,
            "images": 2,
            "due": 1,
            "started": 1,
            "skipped": {"scan fresh": 1},
        }
    ]


def test_a_scan_that_does_not_start_is_shown_and_ends_with_status_1(run, aws):
    aws.fail_next("StartImageScan", "ValidationException")
    status, out, _ = run("scan")
    assert status == 1
    assert "scans not started" in out
    assert aws.calls["StartImageScan"] == 2


def test_a_repository_that_goes_meanwhile_is_told_and_skipped(run, aws):
    aws.fail_next("DescribeImages", "RepositoryNotFoundException")
    status, out, err = run("plan", "--json", "-")
    assert status == 0
    assert len(json.loads(out)) == 2
    assert "payments/api was deleted since it was listed" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "--repos-regex", "("], "error: repositoriesFilterRegexp: '('"),
        (["plan", "--duration", "soon"], "error: ecrImagesDurationDelta: 'soon' is not a duration"),
        (["plan", "--profile", "nobody"], "error: The config profile (nobody) could not be found"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert message in err


def test_what_aws_refuses_is_one_line_and_status_2(run, aws):
    aws.fail_next("DescribeRepositories", "AccessDeniedException")
    status, _, err = run("plan")
    assert status == 2
    assert "AccessDeniedException" in err
    assert "Traceback" not in err


RISKS = """\
accepted:
- package: openssl
  reason: "[x] not reachable"
  expires: 2999-12-31
- vulnerability: CVE-1
  reason: fixed soon
  expires: 2020-01-01
"""


@pytest.fixture
def write_risks(tmp_path, monkeypatch):
    """Write a list of accepted risks into the current directory."""
    monkeypatch.chdir(tmp_path)
    return (tmp_path / "risks.yaml").write_text


def test_check_risks_shows_what_is_accepted_and_what_has_expired(run, write_risks):
    write_risks(RISKS)
    status, out, _ = run("check-risks", "risks.yaml")
    assert status == 0
    for text in ("openssl", "[x] not reachable", "2999-12-31", "2020-01-01 (expired)"):
        assert text in out
    assert "1 accepted, 1 expired." in out


def test_check_risks_takes_an_absolute_path(run, write_risks, tmp_path):
    write_risks(RISKS)
    status, out, _ = run("check-risks", str(tmp_path / "risks.yaml"))
    assert status == 0
    assert "1 accepted, 1 expired." in out


def test_check_risks_warns_of_an_entry_that_covers_everything(run, write_risks):
    write_risks(RISKS + '- repository: "*"\n  reason: all of it\n  expires: 2999-12-31\n')
    status, _, err = run("check-risks", "risks.yaml")
    assert status == 0
    assert err == "warning: risks.yaml, line 8: covers every finding of every repository\n"


def test_check_risks_as_json_is_for_machines(run, write_risks):
    write_risks(RISKS)
    _, out, _ = run("check-risks", "risks.yaml", "--json", "-")
    assert json.loads(out)[1] == {
        "vulnerability": "CVE-1",
        "package": None,
        "repository": None,
        "reason": "fixed soon",
        "expires": "2020-01-01",
        "expired": True,
        "line": 5,
    }


def test_check_risks_names_every_error_of_a_list_and_ends_with_status_2(run, write_risks):
    write_risks(RISKS.replace("package", "pakage").replace("2020-01-01", "soon"))
    status, out, err = run("check-risks", "risks.yaml")
    assert (status, out) == (2, "")
    assert "risks.yaml, line 2: 'pakage' in accepted[0] is no key here" in err
    assert "risks.yaml, line 7: accepted[1].expires is 'soon'" in err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.yaml", "error: missing.yaml cannot be read: No such file"),
        ("ssm:/missing", "error: ssm:/missing cannot be read: "),
        ("https://example.org", "error: 'https://example.org' is no source; accepted: a file's"),
    ],
)
def test_check_risks_says_why_a_list_cannot_be_read(run, source, message):
    status, out, err = run("check-risks", source)
    assert (status, out) == (2, "")
    assert message in err


@pytest.fixture
def scanned(aws):
    """A repository with findings, and a report from before."""
    pushed = datetime.now(UTC)
    aws.add_image(
        "shop/api", tags=("3",), pushed_at=pushed, scanned_at=pushed, findings={"HIGH": 2}
    )


@pytest.mark.usefixtures("scanned")
def test_report_shows_a_table_and_starts_nothing(run, aws):
    status, out, _ = run("report")
    assert status == 0
    for text in ("shop/api", "2 high", "payments/api", "never scanned", "1 image never scanned"):
        assert text in out
    assert aws.calls["StartImageScan"] == 0


@pytest.mark.usefixtures("scanned")
def test_report_writes_every_form_that_is_asked_for(run, tmp_path):
    names = {form: tmp_path / form for form in ("html", "json", "csv", "markdown")}
    options = [text for form, file in names.items() for text in (f"--{form}", str(file))]
    status, out, _ = run("report", *options, "--sarif", "-")
    assert status == 0
    assert json.loads(out)["version"] == "2.1.0"
    assert names["html"].read_text().startswith("<!doctype html>")
    assert json.loads(names["json"].read_text())["totals"]["HIGH"] == 2
    assert names["csv"].read_bytes().count(b"\r\n") == 3
    assert names["markdown"].read_text().startswith("# Fleet report")


@pytest.fixture
def sarif_results(run):
    """The results of a report in SARIF, as rule and suppression, and what standard error says."""

    def results(*options):
        status, out, err = run("report", "--sarif", "-", *options)
        assert status == 0
        [log] = json.loads(out)["runs"]
        return [(each["ruleId"], bool(each["suppressions"])) for each in log["results"]], err

    return results


def test_report_in_sarif_has_the_severities_that_are_asked_for(sarif_results, aws):
    aws.add_image("shop/api", tags=("3",), scanned_at=datetime.now(UTC), findings={"LOW": 2})
    assert len(sarif_results()[0]) == 2
    assert len(sarif_results("--sarif-severity", "low")[0]) == 2
    assert sarif_results("--sarif-severity", "MEDIUM") == ([], "")


def test_report_in_sarif_has_accepted_findings_where_everything_is_asked_for(
    sarif_results, scanned, write_risks, monkeypatch
):
    write_risks(SCANNED_RISKS)
    monkeypatch.setenv("ACCEPTED_RISKS", "risks.yaml")
    assert sarif_results()[0] == []
    assert [suppressed for _, suppressed in sarif_results("--sarif-everything")[0]] == [True, True]


@pytest.mark.usefixtures("scanned")
def test_report_says_how_many_results_sarif_has_no_room_for(sarif_results, monkeypatch):
    monkeypatch.setattr("chalicelib.fleet.formats.sarif.MOST_RESULTS", 1)
    results, err = sarif_results()
    assert len(results) == 1
    assert err.startswith("SARIF: 1 results are left out, the worst 25,000 are written")
    assert "--sarif-severity" in err


def test_a_severity_that_is_none_is_refused(run):
    status, _, err = run("report", "--sarif", "-", "--sarif-severity", "worst")
    assert status == 2
    assert "CRITICAL" in err


@pytest.mark.usefixtures("scanned")
def test_report_compares_with_an_earlier_one(run, aws, tmp_path):
    earlier = tmp_path / "earlier.json"
    run("report", "--json", str(earlier))
    aws.add_image("shop/api", tags=("4",), scanned_at=datetime.now(UTC) + timedelta(seconds=5))
    _, out, _ = run("report", "--since", str(earlier))
    assert "0 new, 2 fixed." in out


SCANNED_RISKS = """\
accepted:
- vulnerability: CVE-*
  reason: "[x] not reachable"
  expires: 2999-12-31
"""


@pytest.mark.usefixtures("scanned")
def test_report_applies_accepted_risks_from_a_file_in_the_current_directory(
    run, write_risks, monkeypatch
):
    write_risks(SCANNED_RISKS)
    monkeypatch.setenv("ACCEPTED_RISKS", "risks.yaml")
    status, out, _ = run("report", "--json", "-")
    document = json.loads(out)
    assert (status, document["totals"]["HIGH"], document["acceptedRiskCount"]) == (0, 0, 2)
    _, out, _ = run("report")
    assert "Not counted: 2 accepted risks." in out


@pytest.mark.usefixtures("scanned")
def test_report_says_which_accepted_risks_ran_out(run, write_risks, monkeypatch):
    write_risks(SCANNED_RISKS.replace("2999", "2020"))
    monkeypatch.setenv("ACCEPTED_RISKS", "risks.yaml")
    _, out, _ = run("report")
    assert "No longer accepted: CVE-* (until 2020-12-31)." in out


@pytest.mark.usefixtures("scanned")
def test_report_applies_the_gates_of_the_environment(run, aws, monkeypatch):
    aws.scan_type = "ENHANCED"
    monkeypatch.setenv("IGNORE_UNFIXED", "true")
    _, out, _ = run("report", "--json", "-")
    document = json.loads(out)
    assert (document["totals"]["HIGH"], document["leftOut"]) == (0, {"without a fix": 2})


def test_report_with_a_list_of_accepted_risks_that_is_wrong_is_an_error(
    run, write_risks, monkeypatch
):
    write_risks("accepted: none")
    for source, message in (
        ("risks.yaml", "risks.yaml, line 1: accepted is 'none'"),
        ("missing.yaml", "missing.yaml cannot be read: No such file"),
    ):
        monkeypatch.setenv("ACCEPTED_RISKS", source)
        status, out, err = run("report", "--json", "-")
        assert (status, out) == (2, "")
        assert f"error: {message}" in err


def test_report_narrows_the_repositories(run):
    _, out, _ = run("report", "--repos-regex", "^shop", "--json", "-")
    assert [each["name"] for each in json.loads(out)["repositories"]] == ["shop/api"]


def test_what_could_not_be_looked_at_is_told_and_ends_with_status_1(run, aws):
    aws.fail_next("DescribeRepositories", "AccessDeniedException")
    status, out, err = run("report", "--json", "-")
    assert status == 1
    assert json.loads(out)["notLookedAt"][0]["reason"] == "refused (AccessDeniedException)"
    assert "all repositories: not looked at: refused (AccessDeniedException)" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "/nowhere.json"], "error: --since /nowhere.json: "),
        (["--since", __file__], "no fleet report"),
        (["--repos-regex", "("], "error: REPOSITORIES_FILTER_REGEXP is '('"),
        (["--html", "-", "--csv", "-"], "only one form can go to standard output"),
        (["--html", "/nowhere/at/all.html"], "error: "),
        (["--profile", "nobody"], "error: The config profile (nobody) could not be found"),
    ],
)
def test_what_is_wrong_with_a_report_is_one_line_and_status_2(run, arguments, message):
    status, out, err = run("report", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_the_demos_fleet_needs_no_account_and_has_something_of_everything(run):
    _, out, _ = run("report", "--demo", "--json", "-")
    document = json.loads(out)
    assert len(document["repositories"]) == 14
    assert document["comparison"]["new"]
    assert document["comparison"]["fixed"]
    assert any(finding["fixedVersion"] for finding in document["findings"])


class TestCheckConfig:
    CONFIGURATION = "images:\n  newest: 3\nrepositories:\n- {pattern: payments/*, duration: 1d}\n"

    @pytest.fixture
    def write(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        return (tmp_path / "settings.yaml").write_text

    def test_shows_the_settings_of_a_configuration_file(self, run, write):
        write(self.CONFIGURATION)
        status, out, _ = run("check-config", "settings.yaml")
        assert status == 0
        for text in ("images.newest", "3", "repositories", "payments/*"):
            assert text in out

    def test_as_json(self, run, write):
        write(self.CONFIGURATION)
        _, out, _ = run("check-config", "settings.yaml", "--json", "-")
        assert json.loads(out) == [
            {"key": "images.newest", "value": "3"},
            {"key": "repositories", "value": "payments/*"},
        ]

    def test_names_every_error_and_ends_with_status_2(self, run, write):
        write("images:\n  newest: 0\nscanning:\n  rate: 1 day\n")
        status, out, err = run("check-config", "settings.yaml")
        assert (status, out) == (2, "")
        assert "settings.yaml, line 2: images.newest is '0'; accepted: a whole number" in err
        assert "settings.yaml, line 4: scanning.rate is for the deployment to set" in err

    def test_a_plan_follows_the_file_that_the_environment_names(self, run, write, monkeypatch):
        write("scanning: {repositories-filter: ^payments/}")
        monkeypatch.setenv("CONFIGURATION", "settings.yaml")
        _, out, _ = run("plan", "--json", "-")
        assert {image["repository"] for image in json.loads(out)} == {"payments/api"}

    def test_a_wrong_file_or_setting_ends_a_plan_with_status_2(self, run, write, monkeypatch):
        write("reporting: {mode: changes}")
        monkeypatch.setenv("CONFIGURATION", "settings.yaml")
        status, _, err = run("plan")
        assert (status, "NOTIFY_MODE is 'changes'; accepted: every-scan without" in err) == (
            2,
            True,
        )
        monkeypatch.setenv("IMAGES_NEWEST", "none")
        status, _, err = run("plan")
        assert (status, "IMAGES_NEWEST is 'none'" in err) == (2, True)
