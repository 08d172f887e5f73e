"""Every message for machines is valid by the schema of its kind, and by no other."""

import json
from dataclasses import replace
from pathlib import Path

import hypothesis
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.fleet.digest_messages import digest_message
from chalicelib.fleet.formats.json_form import to_json
from chalicelib.notifying.messages import message_of
from chalicelib.notifying.roundups import message_of_roundup
from chalicelib.policy.roundups import roundup_of
from chalicelib.runtime import logs
from chalicelib.scanning import image_warnings as alerts
from chalicelib.scanning.jobs import ScanJob
from tests.fleet.test_formats import STORED
from tests.fleets import example, fleet_reports
from tests.notifying.roundups import an_image, roundups
from tests.reports import REPORTS, TEXTS, a_report, a_report_of

ROOT = Path(__file__).parent.parent
SCHEMAS = {
    path.stem.rpartition("-")[0]: json.loads(path.read_text())
    for path in (ROOT / "docs/schemas").glob("*.json")
}
KINDS = ("scan-report", "roundup", "digest", "warning")


def document(message):
    return json.loads(json.loads(message.body)["default"])


def validate(kind, value):
    jsonschema.Draft202012Validator(
        SCHEMAS[kind], format_checker=jsonschema.FormatChecker()
    ).validate(value)


@pytest.fixture
def _unlogged(monkeypatch):
    """No log lines: pytest-xdist cannot send those with lone surrogates to its main process."""
    monkeypatch.setattr(logs.logger, "disabled", True)


class Topic:
    """A topic that keeps the one message that is published to it."""

    def publish(self, message):
        self.message = message


class Services:
    def __init__(self):
        self.report_topic = Topic()
        self.sent_warnings = None
        self.settings = type("Settings", (), {"report_topic_arn": "arn", "channels": ("json",)})


def missing(images, repository="shop/api"):
    services = Services()
    alerts.warn_of_missing_images(ScanJob(repository), images, services)
    return services.report_topic.message


def out_of_reach(images):
    services = Services()
    alerts.warn_of_images_out_of_reach(images, services)
    return services.report_topic.message


EXAMPLES = {
    "scan-report": document(message_of(a_report_of())),
    "roundup": document(message_of_roundup(roundup_of([an_image(1), an_image(2)]))),
    "digest": document(digest_message(example(), STORED)),
    "warning": document(missing({"sha256:a": "ECS service shop/web"})),
}


def test_there_is_a_schema_of_each_kind_with_a_name_and_a_version_of_its_own():
    assert SCHEMAS.keys() == {*KINDS, "fleet-report", "configuration", "gate"}
    for kind in KINDS:
        schema = SCHEMAS[kind]
        assert schema["$id"] == f"urn:ecr-scan-reporter:{kind}-1"
        assert schema["properties"]["kind"] == {"const": kind}
        assert schema["properties"]["version"] == {"const": "1"}
        assert {"kind", "version"} <= set(schema["required"])


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_schema_is_one(schema):
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schema", KINDS)
def test_a_message_is_valid_by_the_schema_of_its_kind_alone(kind, schema):
    if kind == schema:
        validate(schema, EXAMPLES[kind])
    else:
        with pytest.raises(jsonschema.ValidationError):
            validate(schema, EXAMPLES[kind])


@pytest.mark.parametrize("path", sorted((ROOT / "tests/golden").glob("message-*.txt")), ids=str)
def test_every_message_that_is_kept_is_valid(path):
    validate("scan-report", json.loads(path.read_text().rpartition("\n---\n")[2]))


def test_the_fleet_report_that_is_kept_is_valid():
    validate("fleet-report", json.loads((ROOT / "tests/golden/fleet/report.json").read_text()))


@given(REPORTS)
def test_any_report_of_a_scan_is_valid(report):
    validate("scan-report", document(message_of(report)))


def test_a_report_of_which_nothing_is_known_is_valid():
    report = a_report(replace(a_report().result, severity_counts=None), counts=None)
    told = document(message_of(report))
    validate("scan-report", told)
    assert told["findingSeverityCounts"] is None


@given(roundups())
@hypothesis.settings(max_examples=25)
def test_any_roundup_is_valid(roundup):
    validate("roundup", document(message_of_roundup(roundup)))


@given(fleet_reports)
def test_any_digest_and_the_report_that_it_is_of_are_valid(report):
    validate("digest", document(digest_message(report, STORED)))
    validate("fleet-report", json.loads(to_json(report)))


@pytest.mark.usefixtures("_unlogged")
@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=120), TEXTS.filter(bool))
def test_any_warning_is_valid_and_within_the_limits_of_sns(images, repository):
    for message in (missing(images, repository), out_of_reach(images)):
        validate("warning", document(message))
        assert len(message.subject) <= 99
        assert message.subject.isascii()
        assert message.subject.isprintable()
        assert len(json.loads(message.body)["sms"]) <= 140
