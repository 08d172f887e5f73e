"""Findings for AWS Security Hub."""

import json
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import boto3
import jsonschema
import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from hypothesis import given
from moto import mock_aws

from chalicelib.aws.security_hub import FindingsNotImported, SecurityHub
from chalicelib.ecr.findings import Finding, Package, distinct
from chalicelib.notifying.channels import security_hub
from chalicelib.policy.states import Line
from chalicelib.runtime.backoff import Backoff
from chalicelib.runtime.deadline import Deadline
from tests.notifying.channels.samples import FULL_LINE, KNOWN, LOW, NEW, RESULT, line, lines

ACCOUNT = "999999999999"
PRODUCT = f"arn:aws:securityhub:eu-west-1:{ACCOUNT}:product/{ACCOUNT}/default"
BACKOFF = Backoff(Deadline.unlimited(), sleep=lambda _: None)


def findings(of):
    return security_hub.security_findings(of, ACCOUNT, PRODUCT, "aws")


@cache
def model():
    """The service model that AWS publishes, as botocore has it."""
    client = boto3.client("securityhub", region_name="eu-west-1")
    return client.meta.service_model.operation_model("BatchImportFindings").input_shape


@cache
def asff():
    """JSON Schema of a finding: the service model, and the lengths that its texts tell."""
    schema = _schema(model().members["Findings"].member, set())
    for path, longest in (
        (("Id",), 512),
        (("GeneratorId",), 512),
        (("Title",), 256),
        (("Description",), 1024),
        (("ProductArn",), 2048),
        (("Remediation", "Recommendation", "Text"), 512),
    ):
        field = schema
        for name in path:
            field = field["properties"][name]
        field["maxLength"] = longest
    return jsonschema.Draft202012Validator(schema)


def _schema(shape, above):
    """A shape of botocore's as JSON Schema; what contains itself is left open."""
    if shape.type_name == "structure":
        if shape.name in above:
            return {}
        members = {n: _schema(m, above | {shape.name}) for n, m in shape.members.items()}
        return {
            "type": "object",
            "properties": members,
            "required": list(shape.required_members),
            "additionalProperties": False,
        }
    if shape.type_name == "list":
        return {"type": "array", "items": _schema(shape.member, above)}
    if shape.type_name == "map":
        return {"type": "object", "additionalProperties": _schema(shape.value, above)}
    known = {key: shape.metadata[key] for key in ("enum", "pattern") if key in shape.metadata}
    types = {"string": "string", "boolean": "boolean", "timestamp": "string"}
    return {"type": types.get(shape.type_name, "number"), **known}


def test_findings_tell_what_was_found_where_and_what_to_do_about_it(golden):
    golden("security-hub.json", findings(FULL_LINE))


def test_a_finding_keeps_its_id_in_the_next_image_of_the_line_and_is_then_archived():
    first = findings(line(NEW, KNOWN))
    later = line(KNOWN, digest="sha256:" + "c" * 64, closed={NEW.key: NEW.severity})
    second = findings(later)

    states = {finding["Id"]: finding["RecordState"] for finding in second}
    assert [states[finding["Id"]] for finding in first] == ["ARCHIVED", "ACTIVE"]
    [archived] = [finding for finding in second if finding["RecordState"] == "ARCHIVED"]
    assert archived["Title"] == first[0]["Title"]
    assert archived["FindingProviderFields"] == first[0]["FindingProviderFields"]


def test_the_same_finding_of_another_line_repository_account_or_region_is_another_one():
    ids = {
        findings(of)[0]["Id"]
        for of in (
            line(NEW),
            line(NEW, line=Line("prod", "linux/arm64")),
            line(NEW, line=Line("latest", "linux/amd64")),
            line(NEW, line=Line("", "linux/arm64")),
            line(NEW, repository="payments/web"),
            line(NEW, account="210987654321"),
            line(NEW, region="us-east-1"),
        )
    }
    assert len(ids) == 7


def test_a_later_state_of_a_line_is_later_in_security_hub_whenever_its_scan_was():
    [finding] = findings(line(NEW))
    assert finding["UpdatedAt"] == "2027-03-05T12:00:00.000+00:00"
    assert finding["CreatedAt"] == finding["FirstObservedAt"] == RESULT.time


def test_what_was_closed_and_never_imported_is_not_imported_as_archived():
    known = line(KNOWN, closed={"CVE-8 zlib": "LOW", "CVE-9 zlib": "LOW"})
    people = replace(known.state.closed["CVE-9 zlib"], waiting=frozenset({"topic"}))
    closed = {**known.state.closed, "CVE-9 zlib": people}
    found = findings(replace(known, state=replace(known.state, closed=closed)))
    assert [each["Vulnerabilities"][0]["Id"] for each in found] == ["CVE-2026-0002", "CVE-8"]


def test_of_a_line_that_has_ended_nothing_is_open():
    of = line(NEW, closed={NEW.key: NEW.severity})
    [finding] = findings(replace(of, state=replace(of.state, has_ended=True)))
    assert finding["RecordState"] == "ARCHIVED"


def test_what_no_scan_under_way_tells_of_is_open_with_its_name_and_severity():
    told, untold = findings(line(NEW)), findings(replace(line(NEW), findings=()))
    assert untold[0]["Id"] == told[0]["Id"]
    assert untold[0]["RecordState"] == "ACTIVE"
    assert untold[0]["Vulnerabilities"] == [{"Id": NEW.identifier}]


@pytest.mark.parametrize(
    ("severity", "label"),
    [
        *((label, label) for label in ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")),
        ("UNDEFINED", "INFORMATIONAL"),
    ],
)
def test_severities_are_the_providers_so_that_what_people_set_stays(severity, label):
    [finding] = findings(line(replace(NEW, severity=severity)))
    provided = finding["FindingProviderFields"]["Severity"]
    assert provided == {"Label": label, "Original": severity}
    assert not finding.keys() & {"Severity", "Types", "Workflow", "Note"}


def test_where_findings_are_unknown_nothing_is_imported_and_nothing_archived():
    of = line(NEW)
    assert findings(replace(of, state=replace(of.state, findings=None))) == []


def test_what_a_scan_does_not_tell_is_left_out():
    [finding] = findings(line(Finding("CVE-1", "LOW")))
    assert finding["Vulnerabilities"] == [{"Id": "CVE-1"}]
    assert "Remediation" not in finding
    assert finding["Description"].startswith("A vulnerability without a description")


def test_an_untagged_image_has_no_tags():
    [finding] = findings(line(LOW, tags=()))
    details = finding["Resources"][0]["Details"]["AwsEcrContainerImage"]
    assert "ImageTags" not in details


def test_long_texts_are_cut_after_a_whole_word():
    [finding] = findings(line(replace(NEW, description="overflow " * 300)))
    assert len(finding["Description"]) <= 1024
    assert finding["Description"].endswith(" overflow...")


def test_a_vulnerability_in_two_versions_of_a_package_is_imported_twice():
    two = distinct([NEW, replace(NEW, packages=(Package("openssl", "3.0.0"),))])
    versions = [
        each["Vulnerabilities"][0]["VulnerablePackages"][0] for each in findings(line(*two))
    ]
    assert {each["Version"] for each in versions} == {"3.0.0", "3.0.1-1~deb12u1"}


def test_each_package_is_told_with_its_own_versions_and_where_it_lies():
    packages = (
        Package("gzip", "1.10-4", "1.10-4+deb11u1", "OS"),
        Package("requests", "2.32.0", "", "PYTHON", "requirements.txt"),
    )
    [finding] = findings(line(replace(NEW, packages=packages)))
    vulnerability = finding["Vulnerabilities"][0]
    assert vulnerability["VulnerablePackages"] == [
        {
            "Name": "gzip",
            "Version": "1.10-4",
            "FixedInVersion": "1.10-4+deb11u1",
            "PackageManager": "OS",
        },
        {
            "Name": "requests",
            "Version": "2.32.0",
            "PackageManager": "PYTHON",
            "FilePath": "requirements.txt",
        },
    ]
    assert vulnerability["FixAvailable"] == "PARTIAL"
    assert finding["Remediation"]["Recommendation"]["Text"] == "Update gzip to 1.10-4+deb11u1."


def test_ids_that_differ_only_beyond_the_longest_stay_different():
    long = [replace(NEW, packages=(Package("x" * 600 + end),)) for end in "ab"]
    ids = [finding["Id"] for finding in findings(line(*long))]
    assert len(set(ids)) == 2
    assert all(len(each) <= 512 for each in ids)


@given(lines())
def test_any_line_makes_findings_that_security_hub_accepts(of):
    imported = findings(of)

    for finding in imported:
        errors = ParamValidator().validate({"Findings": [finding]}, model())
        assert not errors.has_errors(), errors.generate_report()
        asff().validate(finding)
        assert len(json.dumps(finding).encode()) < 240_000
    assert len({finding["Id"] for finding in imported}) == len(imported)
    active = [each for each in imported if each["RecordState"] == "ACTIVE"]
    assert len(active) == (0 if of.state.has_ended else len(of.state.findings))
    assert len(imported) <= len(active) + len(of.state.closed)


@pytest.fixture
def client():
    with mock_aws():
        client = boto3.client("securityhub")
        client.enable_security_hub()
        yield client


def test_findings_are_imported_and_a_later_scan_updates_them(client):
    services = SimpleNamespace(security_hub=SecurityHub(client, ACCOUNT))
    of = line(KNOWN, closed={NEW.key: NEW.severity})
    later = replace(of, state=replace(of.state, updated_at=of.state.updated_at + 1))
    security_hub.follow([line(NEW, KNOWN)], services, BACKOFF)
    security_hub.follow([later], services, BACKOFF)

    states = {
        finding["Vulnerabilities"][0]["Id"]: finding["RecordState"]
        for finding in client.get_findings()["Findings"]
    }
    assert states == {NEW.identifier: "ARCHIVED", KNOWN.identifier: "ACTIVE"}


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")],
)
def test_the_product_is_the_accounts_own_in_the_clients_region(region, partition):
    hub = SecurityHub(boto3.client("securityhub", region_name=region), ACCOUNT)
    assert hub.product_arn == (
        f"arn:{partition}:securityhub:{region}:{ACCOUNT}:product/{ACCOUNT}/default"
    )


def _answer(refused=()):
    return {
        "FailedCount": len(refused),
        "SuccessCount": 0,
        "FailedFindings": [
            {"Id": each, "ErrorCode": "InvalidInput", "ErrorMessage": "Title"} for each in refused
        ],
    }


@pytest.fixture
def stubbed():
    client = boto3.client("securityhub")
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


MANY = findings(line(*(Finding(f"CVE-{number:03}", "LOW") for number in range(250))))


def test_findings_are_imported_a_hundred_a_call(stubbed):
    client, stubber = stubbed
    for start in (0, 100, 200):
        stubber.add_response(
            "batch_import_findings", _answer(), {"Findings": MANY[start : start + 100]}
        )
    SecurityHub(client, ACCOUNT).import_findings(MANY, BACKOFF)


def test_refused_findings_are_an_error_that_names_them_after_the_others_were_imported(stubbed):
    client, stubber = stubbed
    for refused in (["a", "b"], [], [f"c{number}" for number in range(20)]):
        stubber.add_response("batch_import_findings", _answer(refused))
    with pytest.raises(FindingsNotImported) as raised:
        SecurityHub(client, ACCOUNT).import_findings(MANY, BACKOFF)
    assert str(raised.value).startswith("a: InvalidInput Title; b: InvalidInput Title; c0: ")
    assert str(raised.value).endswith("; and 12 more")


def test_nothing_to_import_takes_no_call(stubbed):
    client, _ = stubbed
    hub = SimpleNamespace(security_hub=SecurityHub(client, ACCOUNT))
    security_hub.follow([line()], hub, BACKOFF)


def test_a_batch_that_fails_stops_no_other_and_is_an_error_in_the_end(stubbed):
    client, stubber = stubbed
    stubber.add_client_error("batch_import_findings", "InvalidAccessException")
    stubber.add_response("batch_import_findings", _answer())
    stubber.add_response("batch_import_findings", _answer())
    with pytest.raises(FindingsNotImported, match=r"CVE-000: .*InvalidAccess.*; and 90 more"):
        SecurityHub(client, ACCOUNT).import_findings(MANY, BACKOFF)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException"])
def test_throttling_is_waited_out(stubbed, code):
    client, stubber = stubbed
    stubber.add_client_error("batch_import_findings", code)
    for _ in range(3):
        stubber.add_response("batch_import_findings", _answer())
    SecurityHub(client, ACCOUNT, sleep=lambda _: None).import_findings(MANY, BACKOFF)


def test_no_more_than_ten_calls_a_second_are_made():
    times, now = [], [0.0]

    class Client:
        def batch_import_findings(self, Findings):  # noqa: N803
            times.append(now[0])
            return {}

    def sleep(seconds):
        now[0] += seconds

    hub = SecurityHub(Client(), ACCOUNT, sleep=sleep, clock=lambda: now[0])
    for _ in range(20):
        hub.import_findings(MANY, BACKOFF)
    assert len(times) == 60
    assert times[-1] >= 5 - 1e-9
