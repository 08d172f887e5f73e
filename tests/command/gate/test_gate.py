"""``gate``: every state that an image's scan can be in, and how the command ends."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import boto3
import jsonschema
import pytest

from chalicelib.aws.dynamodb import Table
from chalicelib.aws.line_states import LineStates
from chalicelib.policy.ledger import DAY, Entry, Ledger, Span
from ecr_scan_reporter.gate.scans import Scans
from local.ecr import UNSUPPORTED, Clock, Finding, Findings, ScanningRule
from local.history import create_history_table
from tests.policy.repositories import LATEST, a_state

PASSED, FAILED, UNDECIDED = 0, 1, 2
FOUND = Findings((Finding("CVE-2026-1", "HIGH"), Finding("CVE-2026-2", "LOW", "zlib")))
BOTH = ("linux/amd64", "linux/arm64")
KINDS = ("basic", "basic index", "enhanced", "enhanced index")


@pytest.fixture
def clock(aws):
    """The registry's clock."""
    aws.now = Clock(datetime.now(UTC))
    return aws.now


@pytest.fixture(autouse=True)
def _waiting_takes_no_time(clock, monkeypatch):
    waits = {
        "sleep": lambda seconds: clock.advance(timedelta(seconds=seconds)),
        "clock": lambda: clock().timestamp(),
    }
    monkeypatch.setattr("ecr_scan_reporter.gating.Scans", partial(Scans, **waits))


@pytest.fixture
def pushed(aws):
    """Push an image, or an index of two, of one kind of scanning; gives what is scanned of it."""

    def push(kind, tag="new", **image):
        if kind.startswith("enhanced"):
            aws.scan_type = "ENHANCED"
            aws.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
        aws.add_repository("shop/api") if "shop/api" not in aws.repositories else None
        if not kind.endswith("index"):
            return [aws.push_image("shop/api", tags=(tag,), **image)]
        index = aws.push_index("shop/api", tags=(tag,), platforms=BOTH, **image)
        images = (aws.repositories["shop/api"].images[digest] for digest in index.children)
        return [image for image in images if image.attests is None]

    return push


def rescannable(images, clock, **state):
    """Let images have had a scan two days ago that ended so."""
    for image in images:
        image.scan_started_at = clock() - timedelta(days=2)
        for name, value in state.items():
            setattr(image, name, value)


class TestMatrix:
    """Basic and enhanced scanning, an image and an index, by how the last scan stands."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("findings", "status"), [(Findings(), PASSED), (FOUND, FAILED)])
    def test_fresh_from_a_push(self, run, aws, pushed, kind, findings, status):
        images = pushed(kind, findings=findings)
        assert run("gate", "shop/api:new")[0] == status
        assert aws.calls["StartImageScan"] == len(images)

    @pytest.mark.parametrize("kind", KINDS)
    def test_running(self, run, aws, pushed, clock, kind):
        for image in pushed(kind, findings=FOUND):
            if image.scan_status is None:
                aws.begin_scan(aws.repositories["shop/api"], image)
        clock.advance(timedelta(seconds=15))
        assert run("gate", "shop/api:new")[0] == FAILED
        assert aws.calls["StartImageScan"] == 0

    @pytest.mark.parametrize("kind", KINDS)
    def test_running_for_longer_than_the_time_out(self, run, aws, pushed, kind):
        aws.scan_duration = timedelta(hours=1)
        pushed(kind)
        status, out, _ = run("gate", "shop/api:new", "--timeout", "60")
        assert status == UNDECIDED
        assert "no scan was done in time: IN_PROGRESS" in out

    @pytest.mark.parametrize("kind", KINDS)
    def test_failed_of_late(self, run, aws, pushed, kind):
        *_, last = pushed(kind)
        last.next_scan_status = "FAILED"
        status, out, _ = run("gate", "shop/api:new")
        assert (status, "findings unknown: " in out, "FAILED" in out) == (UNDECIDED, True, True)
        assert run("gate", "shop/api:new")[0] == UNDECIDED

    @pytest.mark.parametrize("kind", ["basic", "basic index"])
    def test_failed_days_ago_is_scanned_again(self, run, pushed, clock, kind):
        rescannable(pushed(kind, findings=FOUND), clock, scan_status="FAILED")
        assert run("gate", "shop/api:new")[0] == FAILED

    @pytest.mark.parametrize("kind", KINDS)
    def test_unsupported(self, run, pushed, kind):
        for image in pushed(kind):
            image.be_unsupported()
        status, out, _ = run("gate", "shop/api:new")
        assert status == UNDECIDED
        assert ("UNSUPPORTED_IMAGE" if kind.startswith("enhanced") else UNSUPPORTED[:21]) in out

    @pytest.mark.parametrize("kind", ["basic index", "enhanced index"])
    @pytest.mark.parametrize(("findings", "status"), [(Findings(), PASSED), (FOUND, FAILED)])
    def test_one_platform_that_is_unsupported_leaves_the_others_to_decide(
        self, run, pushed, kind, findings, status
    ):
        pushed(kind, findings=findings)[0].be_unsupported()
        assert run("gate", "shop/api:new")[0] == status

    @pytest.mark.parametrize("kind", ["basic", "basic index"])
    def test_the_limit_of_one_scan_in_24_hours_keeps_a_failed_scan_from_being_repeated(
        self, run, aws, pushed, clock, kind
    ):
        images = pushed(kind)
        for image in images:
            aws.add_past_scan(aws.repositories["shop/api"], image, clock() - timedelta(hours=3))
            image.scan_status = "FAILED"
        status, out, _ = run("gate", "shop/api:new")
        assert status == UNDECIDED
        assert "FAILED; no scan started: scanned within a day" in out

    @pytest.mark.parametrize("kind", ["basic", "basic index"])
    def test_the_daily_limit_of_the_registry(self, run, aws, pushed, kind):
        aws.scans_per_day = 0
        pushed(kind)
        status, out, _ = run("gate", "shop/api:new")
        assert status == UNDECIDED
        assert "daily limit of the registry reached" in out

    @pytest.mark.parametrize("kind", ["enhanced", "enhanced index"])
    def test_enhanced_scanning_that_does_not_cover_the_repository(self, run, aws, pushed, kind):
        pushed(kind)
        aws.scanning_rules = []
        for image in aws.repositories["shop/api"].images.values():
            image.scan_status = image.scan_started_at = None
        status, out, _ = run("gate", "shop/api:new")
        assert status == UNDECIDED
        assert "not covered by Amazon Inspector's filters" in out

    @pytest.mark.parametrize("kind", KINDS)
    def test_not_there(self, run, pushed, kind):
        pushed(kind)
        status, out, _ = run("gate", "shop/api:old")
        assert (status, "there is no image old in shop/api" in out) == (UNDECIDED, True)
        status, out, _ = run("gate", "shop/web:new")
        assert (status, "there is no repository shop/web" in out) == (UNDECIDED, True)

    @pytest.mark.parametrize(
        ("operation", "kind"),
        [
            ("DescribeImages", "basic"),
            ("BatchGetImage", "basic index"),
            ("DescribeImageScanFindings", "basic"),
            ("DescribeImageScanFindings", "enhanced index"),
            ("StartImageScan", "basic"),
            ("StartImageScan", "basic index"),
        ],
    )
    def test_no_permission(self, run, aws, pushed, operation, kind):
        pushed(kind)
        aws.fail_next(operation, "AccessDeniedException", 9)
        status, out, _ = run("gate", "shop/api:new")
        assert status == UNDECIDED
        assert f"{operation} refused (AccessDeniedException)" in out

    @pytest.mark.parametrize("kind", ["basic", "basic index"])
    def test_a_scan_of_long_ago_is_made_anew(self, run, aws, pushed, clock, kind):
        images = pushed(kind)
        for image in images:
            aws.add_past_scan(aws.repositories["shop/api"], image, clock() - timedelta(days=90))
            image.findings = FOUND
        assert run("gate", "shop/api:new")[0] == FAILED
        assert aws.calls["StartImageScan"] == len(images)

    def test_a_scan_of_long_ago_that_cannot_be_made_anew_decides_nothing(
        self, run, aws, pushed, clock
    ):
        [image] = pushed("basic")
        aws.add_past_scan(aws.repositories["shop/api"], image, clock() - timedelta(days=90))
        aws.fail_next("StartImageScan", "AccessDeniedException")
        status, out, _ = run("gate", "shop/api:new")
        assert (status, "too long ago" in out) == (UNDECIDED, True)

    def test_a_scan_on_push_of_long_ago_decides_nothing_under_enhanced_scanning(
        self, run, aws, pushed, clock
    ):
        aws.scan_type = "ENHANCED"
        aws.scanning_rules = [ScanningRule("SCAN_ON_PUSH")]
        long_ago = clock() - timedelta(days=90)
        aws.add_image("shop/api", tags=("new",), pushed_at=long_ago, scanned_at=long_ago)
        status, out, _ = run("gate", "shop/api:new")
        assert (status, "scanned on push by Amazon Inspector" in out) == (UNDECIDED, True)
        assert run("gate", "shop/api:new", "--duration", "6m")[0] == PASSED

    @pytest.mark.parametrize("kind", KINDS)
    def test_throttling_is_waited_out(self, run, aws, pushed, kind):
        pushed(kind)
        for operation in ("DescribeImages", "DescribeImageScanFindings", "StartImageScan"):
            aws.fail_next(operation, "ThrottlingException", 4)
        assert run("gate", "shop/api:new")[0] == PASSED

    def test_what_is_no_image_is_not_decided(self, run, aws, pushed):
        pushed("basic", artifact_media_type="application/vnd.cncf.helm.config.v1+json")
        status, out, _ = run("gate", "shop/api:new")
        assert (status, "cannot be scanned: not an image" in out) == (UNDECIDED, True)
        assert aws.calls["StartImageScan"] == 0


@pytest.mark.parametrize("text", ["shop/api:", "Shop/API:1", "api@sha256:12", ""])
def test_what_is_no_name_of_an_image_is_refused(run, text):
    status, out, err = run("gate", text)
    assert (status, out) == (UNDECIDED, "")
    assert "is no image of private ECR; accepted: REPOSITORY[:TAG][@DIGEST]" in err


def test_a_uri_says_the_registry(run, aws, pushed):
    [image] = pushed("basic")
    host = f"{aws.account_id}.dkr.ecr.eu-west-1.amazonaws.com"
    assert run("gate", f"{host}/shop/api@{image.digest}")[0] == PASSED
    other = f"210987654321.dkr.ecr.eu-west-1.amazonaws.com/shop/api@{image.digest}"
    assert run("gate", other)[0] == UNDECIDED


def test_a_region_that_contradicts_the_uri_is_refused(run):
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api:1"
    status, _, err = run("gate", uri, "--region", "us-east-1")
    assert (status, "is in eu-west-1, but --region is us-east-1" in err) == (UNDECIDED, True)


class TestPolicy:
    """What counts is what counts elsewhere."""

    @pytest.fixture(autouse=True)
    def _image(self, pushed):
        pushed("basic", findings=FOUND)

    def test_thresholds_of_the_environment(self, run, monkeypatch):
        monkeypatch.setenv("HIGH", "2")
        monkeypatch.setenv("LOW", "2")
        assert run("gate", "shop/api:new")[0] == PASSED
        monkeypatch.setenv("LOW", "1")
        status, out, _ = run("gate", "shop/api:new")
        assert (status, "1 LOW (threshold: any)" in out) == (FAILED, True)

    def test_thresholds_of_the_repositorys_tags(self, run, aws, monkeypatch):
        monkeypatch.setenv("REPOSITORY_TAG_RULES", "true")
        aws.repositories["shop/api"].tags.update(
            {"ecr-scan-reporter:high": "5", "ecr-scan-reporter:low": "5"}
        )
        assert run("gate", "shop/api:new")[0] == PASSED

    @pytest.mark.parametrize(
        ("severity", "status"), [("critical", PASSED), ("HIGH", FAILED), ("low", FAILED)]
    )
    def test_a_severity_to_fail_on_is_in_place_of_the_thresholds(self, run, severity, status):
        assert run("gate", "shop/api:new", "--fail-on", severity)[0] == status

    def test_accepted_risks(self, run, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        entries = [
            {"vulnerability": "CVE-2026-1", "reason": "not reachable", "expires": "2999-12-31"},
            {"package": "zlib", "reason": "fixed soon", "expires": "2020-01-01"},
        ]
        (tmp_path / "risks.yaml").write_text(json.dumps({"accepted": entries}))
        monkeypatch.setenv("ACCEPTED_RISKS", "risks.yaml")
        assert run("gate", "shop/api:new", "--fail-on", "HIGH")[0] == PASSED
        status, out, _ = run("gate", "shop/api:new")
        assert status == FAILED
        assert "not counted: 1 accepted risk" in out
        assert "no longer accepted: zlib (until 2020-01-01)" in out

    def test_finding_filters(self, run, aws, monkeypatch):
        aws.scan_type = "ENHANCED"
        monkeypatch.setenv("IGNORE_UNFIXED", "true")
        aws.scanning_rules = [ScanningRule("CONTINUOUS_SCAN")]
        aws.push_image("shop/api", tags=("next",), findings=FOUND)
        status, out, _ = run("gate", "shop/api:next")
        assert (status, "not counted: 2 without a fix" in out) == (PASSED, True)


class TestNewOnly:
    """Only what another image has not."""

    OLD = Findings((Finding("CVE-2026-1", "HIGH"),))

    @pytest.fixture
    def main(self, pushed, clock):
        """The image that the repository has, with one of the two findings."""

        def push(kind="basic", findings=self.OLD):
            images = pushed(kind, "main", findings=findings)
            clock.advance(timedelta(minutes=2))
            return images

        return push

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_finding_that_the_repositorys_current_image_has_does_not_count(
        self, run, pushed, main, kind
    ):
        main(kind, FOUND)
        pushed(kind, findings=FOUND)
        assert run("gate", "shop/api:new")[0] == FAILED
        status, out, _ = run("gate", "shop/api:new", "--new-only")
        assert (status, "new findings that main has not: none" in out) == (PASSED, True)

    def test_one_that_it_has_not_counts(self, run, pushed, main):
        main()
        pushed("basic", findings=FOUND)
        status, out, _ = run("gate", "shop/api:new", "--new-only")
        assert status == FAILED
        assert "1 new LOW (threshold: any)" in out
        assert "1 new HIGH" not in out
        assert run("gate", "shop/api:new", "--new-only", "--fail-on", "HIGH")[0] == PASSED

    def test_against_a_tag(self, run, pushed, main, clock):
        pushed("basic", "prod", findings=FOUND)
        clock.advance(timedelta(minutes=2))
        main()
        pushed("basic", findings=FOUND)
        assert run("gate", "shop/api:new", "--new-only")[0] == FAILED
        assert run("gate", "shop/api:new", "--new-only", "--against", "prod")[0] == PASSED

    def test_against_what_is_not_there_decides_nothing(self, run, pushed, main):
        main()
        pushed("basic", findings=FOUND)
        status, out, _ = run("gate", "shop/api:new", "--new-only", "--against", "prod")
        assert (status, "there is no image prod" in out) == (UNDECIDED, True)

    def test_without_another_image_all_is_new(self, run, pushed):
        pushed("basic", findings=FOUND)
        status, out, _ = run("gate", "shop/api:new", "--new-only")
        assert (status, "(there is no other image)" in out) == (FAILED, True)

    def test_what_is_new_is_unknown_where_the_other_image_has_no_findings(self, run, pushed, main):
        [image] = main()
        image.be_unsupported()
        pushed("basic", findings=FOUND)
        status, out, _ = run("gate", "shop/api:new", "--new-only")
        assert (status, "what main has is unknown" in out) == (UNDECIDED, True)

    def test_the_other_image_is_not_looked_at_where_nothing_would_fail(
        self, run, aws, pushed, main
    ):
        main()
        pushed("basic")
        assert run("gate", "shop/api:new", "--new-only")[0] == PASSED
        assert aws.calls["StartImageScan"] == 1

    def test_a_tag_without_it_is_refused(self, run):
        status, _, err = run("gate", "shop/api:new", "--against", "prod")
        assert (status, "--against is for --new-only" in err) == (UNDECIDED, True)


class TestDueDates:
    """Overdue findings, by what is on record of the repository or what Inspector says."""

    @pytest.fixture(autouse=True)
    def _sla(self, monkeypatch):
        monkeypatch.setenv("SLA", "HIGH=30d")

    @pytest.fixture
    def on_record(self, aws, monkeypatch):
        """Let the build before have had a finding for so many days."""

        def record(days, finding="CVE-2026-1 openssl"):
            monkeypatch.setenv("HISTORY_TABLE_NAME", create_history_table())
            now = int(datetime.now(UTC).timestamp())
            entry = Entry("HIGH", (Span(now - days * DAY, now - 3600),))
            state = a_state(LATEST, "old", ledger=Ledger({finding: entry}, (now - 3600,)))
            states = LineStates(Table(boto3.client("dynamodb"), "history"))
            states.keep(f"{aws.account_id}/eu-west-1/shop/api", state)

        return record

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("days", "status"), [(42, FAILED), (12, PASSED)])
    def test_the_history_says_since_when_a_finding_is_open(
        self, run, pushed, on_record, kind, days, status
    ):
        on_record(days)
        pushed(kind, findings=FOUND)
        ended, out, _ = run("gate", "shop/api:new", "--fail-on", "overdue")
        assert (ended, f"open {days} days, " in out) == (status, True)
        assert ("1 overdue finding, the longest by 12 days" in out) == (status == FAILED)

    @pytest.mark.parametrize("kind", KINDS)
    def test_without_a_history_only_inspector_knows(self, run, pushed, clock, kind):
        old = Finding("CVE-2026-1", "HIGH", first_observed_at=clock() - timedelta(days=31))
        pushed(kind, findings=Findings((old,)))
        status, out, _ = run("gate", "shop/api:new", "--fail-on", "overdue")
        if kind.startswith("enhanced"):
            assert (status, "open 31 days, 1 overdue" in out) == (FAILED, True)
        else:
            assert (status, "no history is set (HISTORY_TABLE_NAME)" in out) == (UNDECIDED, True)
        assert run("gate", "shop/api:new", "--fail-on", "CRITICAL")[0] == PASSED

    def test_a_history_that_cannot_be_read_decides_nothing_where_it_is_asked_for(
        self, run, pushed, monkeypatch
    ):
        monkeypatch.setenv("HISTORY_TABLE_NAME", "missing")
        pushed("basic", findings=FOUND)
        for options, status in ((["--fail-on", "overdue"], UNDECIDED), ([], PASSED)):
            ended, out, _ = run("gate", "shop/api:new", *(options or ["--fail-on", "CRITICAL"]))
            assert (ended, "the history was not read: Query" in out) == (status, True)

    def test_what_is_overdue_is_shown_and_fails_nothing_by_itself(self, run, pushed, on_record):
        on_record(42)
        pushed("basic", findings=FOUND)
        status, out, _ = run("gate", "shop/api:new", "--fail-on", "CRITICAL")
        assert (status, "does not count without --fail-on overdue" in out) == (PASSED, True)
        assert run("gate", "shop/api:new", "--fail-on", "critical", "--fail-on", "OVERDUE")[0] == 1

    def test_every_form_says_for_how_long(self, run, pushed, on_record, tmp_path):
        on_record(42)
        pushed("basic", findings=FOUND)
        files = [tmp_path / form for form in ("markdown", "sarif")]
        options = [text for file in files for text in (f"--{file.name}", str(file))]
        document = validated(run("gate", "shop/api:new", "--json", "-", *options)[1])
        [first, second] = document["findings"]
        assert (first["openDays"], first["overdueDays"]) == (42, 12)
        assert (second["openDays"], second["due"]) == (0, None)
        assert document["dueDates"] == {
            "sla": "HIGH=30d",
            "failOnOverdue": False,
            "overdue": 1,
            "unknown": 0,
            "whyUnknown": None,
        }
        markdown, sarif = (file.read_text() for file in files)
        assert "| open 42 days, 12 overdue |" in markdown
        [result, _] = json.loads(sarif)["runs"][0]["results"]
        assert result["message"]["text"].endswith("; open 42 days, 12 overdue")

    def test_another_word_is_refused(self, run):
        status, _, err = run("gate", "shop/api:new", "--fail-on", "late")
        assert (status, "UNDEFINED, overdue" in err) == (UNDECIDED, True)


SCHEMA = json.loads((Path(__file__).parents[3] / "docs/schemas/gate-1.json").read_text())


def validated(text):
    """The document, which is as its schema says."""
    document = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(
        document
    )
    assert document.keys() == SCHEMA["properties"].keys()
    return document


class TestForms:
    @pytest.mark.parametrize("kind", KINDS)
    def test_each_says_the_same(self, run, pushed, tmp_path, kind):
        images = pushed(kind, findings=FOUND)
        files = {form: tmp_path / form for form in ("markdown", "sarif")}
        options = [text for form, file in files.items() for text in (f"--{form}", str(file))]
        status, out, _ = run("gate", "shop/api:new", "--json", "-", *options)
        document = validated(out)
        assert (status, document["status"], document["outcome"]) == (FAILED, FAILED, "failed")
        assert {scan["digest"] for scan in document["scans"]} == {each.digest for each in images}
        assert [each["id"] for each in document["findings"]] == ["CVE-2026-1", "CVE-2026-2"]
        markdown = files["markdown"].read_text()
        assert markdown.startswith("### shop/api:new: failed\n")
        assert "[CVE-2026-1](<https://nvd.nist.gov/vuln/detail/CVE-2026-1>)" in markdown
        results = json.loads(files["sarif"].read_text())["runs"][0]["results"]
        assert [each["ruleId"] for each in results] == ["CVE-2026-1", "CVE-2026-2"]

    def test_new_findings_are_marked(self, run, pushed, clock, tmp_path):
        pushed("basic", "main", findings=TestNewOnly.OLD)
        clock.advance(timedelta(minutes=2))
        pushed("basic", findings=FOUND)
        sarif = tmp_path / "sarif"
        _, out, _ = run("gate", "shop/api:new", "--new-only", "--json", "-", "--sarif", str(sarif))
        document = validated(out)
        assert {each["id"]: each["new"] for each in document["findings"]} == {
            "CVE-2026-1": False,
            "CVE-2026-2": True,
        }
        assert document["comparedWith"] == {"image": "main", "findingsKnown": True}
        [log] = json.loads(sarif.read_text())["runs"]
        states = {each["ruleId"]: each["baselineState"] for each in log["results"]}
        assert states == {"CVE-2026-1": "unchanged", "CVE-2026-2": "new"}

    def test_sarif_is_not_written_where_findings_are_unknown(self, run, pushed, tmp_path):
        pushed("basic")[0].be_unsupported()
        status, _, err = run("gate", "shop/api:new", "--sarif", str(tmp_path / "sarif"))
        assert (status, "SARIF is not written" in err) == (UNDECIDED, True)
        assert not (tmp_path / "sarif").exists()

    def test_the_json_of_what_is_not_decided_says_so(self, run, pushed):
        pushed("basic")[0].be_unsupported()
        _, out, _ = run("gate", "shop/api:new", "--json", "-")
        document = validated(out)
        assert (document["outcome"], document["findingsKnown"]) == ("undecided", False)
        assert UNSUPPORTED in document["scans"][0]["description"]

    def test_the_json_of_what_is_not_there_is_as_its_schema_says(self, run):
        _, out, _ = run("gate", "shop/api:new", "--json", "-")
        assert validated(out)["reasons"] == ["there is no repository shop/api"]

    def test_nothing_is_wider_than_80_columns(self, run, pushed, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        pushed("basic index", findings=FOUND)
        _, out, _ = run("gate", "shop/api:new")
        assert "shop/api:new: failed" in out  # and no emoji of a tag between colons
        assert max(map(len, out.splitlines())) <= 80


def test_after_an_interruption_it_is_said_what_was_started(run, pushed, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    pushed("basic index")
    monkeypatch.setattr("ecr_scan_reporter.gating.Scans", partial(Scans, sleep=interrupt))
    status, out, err = run("gate", "shop/api:new")
    assert (status, out) == (130, "")
    assert "interrupted; scans that were started and go on: 2" in err


def test_what_this_program_gets_wrong_is_no_verdict(run, monkeypatch):
    monkeypatch.setattr("ecr_scan_reporter.gating.Gate", lambda *_: 1 / 0)
    status, _, err = run("gate", "shop/api:new")
    assert (status, "ZeroDivisionError" in err) == (UNDECIDED, True)
