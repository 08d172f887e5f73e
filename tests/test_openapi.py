"""The OpenAPI document of the HTTP door says what the application does."""

import io
import json
import time
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from random import Random
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
import yaml
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException
from hypothesis import given
from openapi_spec_validator import validate
from schemathesis.checks import load_all_checks

from chalicelib.ecr.images import Image
from chalicelib.ecr.scan_records import ScanRecord
from chalicelib.fleet.find import FILTERS, FLAG_VALUES, FLAGS
from chalicelib.policy.due import Decision, Reason
from chalicelib.runtime.patterns import LONGEST_PATTERN
from chalicelib.scanning.jobs import ScanJob
from chalicelib.scanning.plans import MOST_ROWS, PlannedImage
from chalicelib.scanning.progress import progress
from chalicelib.scanning.requests import _IMAGE, MOST_IMAGES, ListingRequest, RequestError
from chalicelib.services import Services
from deployment.packages import MERGED_TEMPLATE, PROJECT
from local.ecr import LocalRegistry
from tests.faults.faults import Faults
from tests.faults.simulation import QUEUE_URL, TOPIC_ARN, Clock, SimulatedAws

DOCUMENT = yaml.safe_load((PROJECT / "docs" / "openapi.yaml").read_text())
OPERATION = DOCUMENT["paths"]["/scans"]["post"]
SCHEMAS = DOCUMENT["components"]["schemas"]
FIND = DOCUMENT["paths"]["/findings"]["get"]
SHOW = DOCUMENT["paths"]["/scans/{listing}"]["get"]
BY_THE_APPLICATION = {"202", "207", "400", "409", "415", "422", "500", "502"}
BY_API_GATEWAY = {"403", "413", "429"}

load_all_checks()
# A name or a pattern may be well formed and yet be refused.
NOT_CHECKED = schemathesis.checks.CHECKS.get_by_names(["positive_data_acceptance"])


def test_the_document_is_valid_openapi():
    validate(DOCUMENT)


def test_it_has_every_route_and_method(load_app):
    routes = {path: sorted(methods) for path, methods in load_app().app.routes.items()}
    documented = DOCUMENT["paths"].items()
    assert {path: sorted(map(str.upper, item)) for path, item in documented} == routes


def test_the_request_has_the_keys_that_are_accepted():
    with pytest.raises(RequestError) as refused:
        ListingRequest.from_values({"unknown": 1})
    accepted = str(refused.value).partition("accepted: ")[2].split(", ")
    properties = SCHEMAS["ListingRequest"]["properties"]
    assert sorted(properties) == accepted
    assert properties["repositoriesFilterRegexp"]["maxLength"] == LONGEST_PATTERN
    assert properties["images"]["maxItems"] == MOST_IMAGES
    assert properties["images"]["items"]["pattern"] == f"^{_IMAGE.pattern}$"
    ListingRequest.from_values(OPERATION["requestBody"]["content"]["application/json"]["example"])


def test_the_filters_of_findings_are_those_that_are_accepted():
    assert [each["name"] for each in FIND["parameters"]] == list(FILTERS)
    flags = {"$ref": "#/components/schemas/FilterFlag"}
    assert {each["name"] for each in FIND["parameters"] if each["schema"] == flags} == set(FLAGS)
    assert SCHEMAS["FilterFlag"]["enum"] == list(FLAG_VALUES)


def test_a_planned_image_has_the_keys_that_are_answered():
    job = ScanJob("shop/api", account="222222222222", region="us-east-1")
    image = Image(
        "sha256:1", ("1",), index_digests=("d",), index_tags=("t",), platform="linux/amd64"
    )
    scan = ScanRecord(at=1, status="FAILED", description="UnknownError", failures=1, started=True)
    decision = Decision(True, Reason.SCAN_FAILED)
    row = PlannedImage(job, image, decision, in_use=True, last_scan=scan).to_dict()
    schema = SCHEMAS["PlannedImage"]
    assert sorted(row) == sorted(schema["properties"])
    bare = PlannedImage(
        ScanJob("shop/api"), Image("sha256:1"), Decision(True, Reason.NEVER_SCANNED), in_use=False
    )
    assert sorted(bare.to_dict()) == sorted(schema["required"])
    assert f"{MOST_ROWS:,}" in SCHEMAS["Listing"]["properties"]["images"]["description"]


def test_what_became_of_a_listing_has_the_keys_that_are_answered():
    facts = {"at": 0, "listed": 1, "matched": 1, "enqueued": 1, "failures": []}
    schema = SCHEMAS["Progress"]
    answered = progress("id", facts, [{"state": "failed", "started": 0, "job": "a", "reason": "b"}])
    assert sorted(answered) == sorted(schema["required"])
    assert sorted(answered["jobs"]) == sorted(schema["properties"]["jobs"]["required"])
    [failure] = answered["jobFailures"]
    failures = schema["properties"]["jobFailures"]["items"]
    assert sorted(failure) == sorted(failures["required"])


def test_the_statuses_are_those_of_the_application_and_of_api_gateway():
    assert set(OPERATION["responses"]) == BY_THE_APPLICATION | BY_API_GATEWAY
    assert set(SHOW["responses"]) == {"200", "404", "500", "501", "503", "403", "429"}
    assert set(FIND["responses"]) == {"200", "400", "404", "500", "403", "429"}
    template = MERGED_TEMPLATE.read_text()
    assert "ThrottlingRateLimit: 1\n" in template
    assert "ThrottlingBurstLimit: 5\n" in template
    assert "one request a second, or five at once" in OPERATION["responses"]["429"]["description"]


class Gateway:
    """A WSGI application that hands requests to Chalice's local API Gateway."""

    def __init__(self, app):
        self._gateway = LocalGateway(app, Config())

    def __call__(self, environ, start_response):
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        # Without the stage; a "#" or "?" in a name begins nothing else.
        path = quote(environ["PATH_INFO"].removeprefix("/api").encode("latin-1"))
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ.get("wsgi.input", io.BytesIO()).read(length)
        try:
            answer = self._gateway.handle_request(environ["REQUEST_METHOD"], path, headers, body)
        except LocalGatewayException as refused:
            answer = {"statusCode": refused.CODE, "headers": refused.headers}
            answer["body"] = (refused.body or b"").decode()
        status = HTTPStatus(answer["statusCode"])
        # API Gateway's own default. Source: its developer guide, Lambda proxy integrations.
        sent = {"content-type": "application/json"} | {
            name.lower(): value for name, value in answer["headers"].items()
        }
        start_response(f"{status.value} {status.phrase}", list(sent.items()))
        return [(answer["body"] or "").encode()]


@pytest.fixture
def document(load_app):
    """The document, with the application behind it."""
    app = load_app(
        IMAGES_SCAN_JOBS_QUEUE_URL=QUEUE_URL,
        ECR_SNS_REPORT_TOPIC_ARN=TOPIC_ARN,
        HISTORY_TABLE_NAME="history",
    )
    registry = LocalRegistry()
    registry.add_image("shop/api", tags=("1",), scanned_at=datetime.now(UTC))
    aws = SimulatedAws([registry], Faults(Random(0), calm=True), Clock(time.time()))  # noqa: S311
    app.services = Services(app.settings, partial(aws.client, 0))
    # API Gateway has seen to the signature before the application is asked.
    unsigned = {key: value for key, value in DOCUMENT.items() if key != "security"}
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(unsigned)))
    schema.app = Gateway(app.app)
    return schema


@pytest.mark.parametrize("operation", [("/scans", "POST"), ("/scans/{listing}", "GET")])
@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
def test_every_answer_is_as_documented(document, mode, operation):
    path, method = operation

    @given(document[path][method].as_strategy(generation_mode=mode))
    @hypothesis.settings(max_examples=150)
    def check(case):
        # A body of white space counts as none, which JSON Schema has no word for.
        hypothesis.assume(not (isinstance(case.body, bytes) and not case.body.strip()))
        case.call_and_validate(excluded_checks=NOT_CHECKED)

    check()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dryRun": True},
        {"repositories": ["shop/none"]},
        {"images": ["shop/api:1", "shop/api:2"], "force": True},
        {"images": ["shop/api:2"], "dryRun": True},
    ],
)
def test_the_answers_to_common_requests_are_as_documented(document, body):
    case = document["/scans"]["POST"].Case(body=body, media_type="application/json")
    for _ in range(2):
        answer = case.call_and_validate(excluded_checks=NOT_CHECKED)
    if listing := answer.json().get("id"):
        path = {"listing": listing}
        shown = document["/scans/{listing}"]["GET"].Case(path_parameters=path)
        assert shown.call_and_validate(excluded_checks=NOT_CHECKED).status_code == 200
