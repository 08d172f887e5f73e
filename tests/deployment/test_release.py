"""What a release consists of, and that it can be installed without a clone, on moto."""

import hashlib
import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import hcl2
import pytest
import yaml

from chalicelib.settings.event_pattern import event_pattern
from chalicelib.settings.settings import Settings
from deployment.packages import PROJECT, Package
from deployment.permissions import FUNCTIONS
from deployment.release import ACCOUNTS_TEMPLATE, VERSION, quick_create_link, write_release
from local.ecr import LocalRegistry
from tests.deployment.conftest import environment

# What moto's CloudFormation leaves out: policies of queues and topics, alarms, subscriptions.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")

NAME = f"ecr-scan-reporter-{VERSION}"
PREFIX = f"ecr-scan-reporter/{VERSION}/"
BUCKET, REGION = "releases", "eu-central-1"
MODULE = PROJECT / "terraform"


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with environment():
        return write_release(tmp_path_factory.mktemp("releases"), BUCKET, REGION)


@pytest.fixture(scope="session")
def template(release: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((release / f"{NAME}.json").read_text())
    return parsed


class TestFiles:
    def test_are_named_after_the_version_and_their_checksums_hold(self, release: Path) -> None:
        assert {path.name for path in release.iterdir()} == {
            *(f"{NAME}.zip", f"{NAME}.json", f"{NAME}.sam.yaml", f"{NAME}-accounts.yaml"),
            *("INSTALL.md", "LICENSE", "README.md", "SHA256SUMS", "sbom.json"),
        }
        check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        done = subprocess.run(check, cwd=release, capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == len(list(release.iterdir())) - 1

    def test_are_the_same_for_the_same_sources(self, release: Path, tmp_path: Path) -> None:
        with environment():
            again = write_release(tmp_path, BUCKET, REGION)
        assert (again / "SHA256SUMS").read_text() == (release / "SHA256SUMS").read_text()

    def test_hold_the_code_that_a_package_has(self, release: Path, code: Path) -> None:
        assert release_code(release).read_bytes() == code.read_bytes()

    def test_say_how_to_install_them(self, release: Path) -> None:
        said = (release / "INSTALL.md").read_text()
        assert f"aws s3 sync . s3://{BUCKET}/{PREFIX}" in said
        assert quick_create_link(BUCKET, REGION) in said
        assert set(re.findall(rf"{re.escape(NAME)}[\w.-]*\w", said)) <= {
            path.name for path in release.iterdir()
        }


def release_code(release: Path) -> Path:
    return release / f"{NAME}.zip"


def upload(release: Path) -> None:
    """What INSTALL.md says."""
    storage = boto3.client("s3")
    location = {"LocationConstraint": REGION}
    storage.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    for path in release.iterdir():
        storage.upload_file(str(path), BUCKET, f"{PREFIX}{path.name}")


def test_the_link_creates_the_whole_application(
    aws: LocalRegistry, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    upload(release)
    page, _, query = urlsplit(quick_create_link(BUCKET, REGION)).fragment.partition("?")
    given = {name: value for name, [value] in parse_qs(query).items()}
    assert page == "/stacks/create/review"
    stacks = boto3.client("cloudformation")
    stacks.create_stack(
        StackName=given.pop("stackName"),
        TemplateURL=given.pop("templateURL"),
        Parameters=[
            {"ParameterKey": name.removeprefix("param_"), "ParameterValue": value}
            for name, value in given.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    [stack] = stacks.describe_stacks(StackName="ecr-scan-reporter")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    functions = boto3.client("lambda").list_functions()["Functions"]
    shipped = b64encode(hashlib.sha256(release_code(release).read_bytes()).digest()).decode()
    assert [function["CodeSha256"] for function in functions] == [shipped] * len(FUNCTIONS)
    assert len(boto3.client("sqs").list_queues()["QueueUrls"]) == 3


class TestTemplate:
    def test_is_the_packaged_one_but_for_the_bucket(
        self, template: dict[str, Any], plain: dict[str, Any]
    ) -> None:
        assert set(template["Parameters"]) == {*plain["Parameters"], "CodeBucket"}
        assert set(template["Resources"]) == set(plain["Resources"])
        assert "Transform" not in template
        keys = {
            resource["Properties"]["Code"]["S3Key"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        assert keys == {f"{PREFIX}{NAME}.zip"}

    def test_can_be_published_in_the_serverless_application_repository(
        self, release: Path, packaged: Package
    ) -> None:
        sam = yaml.safe_load((release / f"{NAME}.sam.yaml").read_text())
        about = sam["Metadata"]["AWS::ServerlessRepo::Application"]
        assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", about["Name"])
        assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", about["Author"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", about["SemanticVersion"])
        assert 1 <= len(about["Description"]) <= 256
        assert len(about["Labels"]) <= 10
        assert all(re.fullmatch(r"[a-zA-Z0-9+_:/@-]+", label) for label in about["Labels"])
        files = {about["LicenseUrl"], about["ReadmeUrl"]}
        files |= {
            resource["Properties"]["CodeUri"]
            for resource in sam["Resources"].values()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        assert files == {"LICENSE", "README.md", f"{NAME}.zip"}
        assert set(sam["Resources"]) == set(packaged.template["Resources"])


class TestOtherAccounts:
    """The template for StackSets."""

    GIVEN = {"ReporterAccount": "111111111111", "ReporterRegion": REGION, "RoleRegion": REGION}

    @pytest.fixture
    def create(self, aws: LocalRegistry) -> Any:
        def create(region: str, **parameters: str) -> set[str]:
            stacks = boto3.client("cloudformation", region_name=region)
            given = self.GIVEN | parameters
            stacks.create_stack(
                StackName="accounts",
                TemplateBody=ACCOUNTS_TEMPLATE.read_text(),
                Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            made = stacks.describe_stack_resources(StackName="accounts")["StackResources"]
            # moto lists what a condition leaves out too, without a name.
            return {each.get("LogicalResourceId") for each in made} - {None}

        return create

    def test_let_the_deployments_functions_do_what_is_documented(self, create: Any) -> None:
        made = create(REGION, ImagesInUse="true", ExternalId="chosen")
        iam = boto3.client("iam")
        role = iam.get_role(RoleName="ecr-scan-reporter")["Role"]
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
        assert trust["Condition"] == {
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/ecr-scan-reporter-*"},
            "StringEquals": {"sts:ExternalId": "chosen"},
        }
        policies = resources("AWS::IAM::Role", "AWS::IAM::RolePolicy")
        documents = [
            *(each["PolicyDocument"] for each in policies["ScanRole"]["Policies"]),
            policies["ImagesInUsePolicy"]["PolicyDocument"],
        ]
        allowed = {
            action
            for document in documents
            for statement in document["Statement"]
            for action in statement["Action"]
        }
        page = (PROJECT / "docs" / "large-organisations.md").read_text()
        documented = page.partition("## What the roles in other accounts")[2]
        assert allowed == set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", documented))
        assert {"ScanRole", "SendScanEvents", "SendScanEventsRole"} <= made

    def test_have_one_role_whatever_the_regions(self, create: Any) -> None:
        assert "ScanRole" in create(REGION)
        assert create("us-east-1") == {"SendScanEvents", "SendScanEventsRole"}

    def test_send_what_the_notifier_acts_on_and_nothing_else(self, create: Any) -> None:
        for region, findings in ((REGION, "false"), ("us-east-1", "true")):
            create(region, InspectorFindings=findings)
            events = boto3.client("events", region_name=region)
            [rule] = events.list_rules()["Rules"]
            settings = Settings.from_environment({"NOTIFY_ON_INSPECTOR_FINDINGS": findings})
            assert json.loads(rule["EventPattern"]) == event_pattern(settings)
            [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            assert target["Arn"] == f"arn:aws:events:{REGION}:111111111111:event-bus/default"

    def test_are_a_stack_set_of_an_organisation_as_documented(self, aws: LocalRegistry) -> None:
        page = (PROJECT / "docs" / "large-organisations.md").read_text()
        given = re.findall(r"ParameterKey=(\w+),ParameterValue=([\w-]+)", page)
        organisation = boto3.client("organizations")
        organisation.create_organization(FeatureSet="ALL")
        [root] = organisation.list_roots()["Roots"]
        unit = organisation.create_organizational_unit(ParentId=root["Id"], Name="apps")
        made = organisation.create_account(AccountName="shop", Email="shop@example.org")
        account, unit_id = (
            made["CreateAccountStatus"]["AccountId"],
            unit["OrganizationalUnit"]["Id"],
        )
        organisation.move_account(
            AccountId=account, SourceParentId=root["Id"], DestinationParentId=unit_id
        )
        stacks = boto3.client("cloudformation")
        stacks.create_stack_set(
            StackSetName="accounts",
            TemplateBody=ACCOUNTS_TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            PermissionModel="SERVICE_MANAGED",
            AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given],
        )
        stacks.create_stack_instances(
            StackSetName="accounts",
            DeploymentTargets={"OrganizationalUnitIds": [unit_id]},
            Regions=["eu-west-1", "us-east-1"],
        )
        instances = stacks.list_stack_instances(StackSetName="accounts")["Summaries"]
        assert [(each["Account"], each["Region"], each["Status"]) for each in instances] == [
            (account, "eu-west-1", "CURRENT"),
            (account, "us-east-1", "CURRENT"),
        ]
        keys = boto3.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole",
            RoleSessionName="looking",
        )["Credentials"]
        there = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        roles = {each["RoleName"] for each in there.client("iam").list_roles()["Roles"]}
        assert "ecr-scan-reporter" in roles
        for region in ("eu-west-1", "us-east-1"):
            assert len(there.client("events", region_name=region).list_rules()["Rules"]) == 1

    def test_send_nothing_from_the_deployments_own_region(self, create: Any) -> None:
        assert create(REGION, ReporterAccount="123456789012", RoleRegion="us-east-1") == set()


def resources(*kinds: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources in the template for other accounts."""

    class Loader(yaml.SafeLoader):
        """YAML with CloudFormation's short forms of functions."""

    def value(loader: Any, suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        return loader.construct_sequence(node, deep=True)

    Loader.add_multi_constructor("!", value)
    parsed = yaml.load(ACCOUNTS_TEMPLATE.read_text(), Loader)  # noqa: S506
    return {
        name: resource["Properties"]
        for name, resource in parsed["Resources"].items()
        if resource["Type"] in kinds
    }


class TestTerraformModule:
    """Read by an HCL parser, for no Terraform is needed to develop this."""

    def test_makes_the_stack_of_a_release(self, template: dict[str, Any]) -> None:
        main = read(MODULE / "main.tf")
        [stack] = blocks(main, "resource", "aws_cloudformation_stack")
        [names] = main["locals"]
        name = names["template"].replace("${var.release}", VERSION)
        assert name == f"{PREFIX}{NAME}.json"
        assert stack["template_url"].endswith(".bucket_regional_domain_name}/${local.template}")
        assert stack["capabilities"] == ["CAPABILITY_IAM"]
        assert stack["parameters"] == "${merge(var.parameters, {CodeBucket = var.bucket})}"
        assert "CodeBucket" in template["Parameters"]

    @pytest.mark.parametrize("example", sorted(MODULE.glob("examples/*/main.tf")), ids=str)
    def test_is_given_what_it_takes_by_its_examples(
        self, example: Path, template: dict[str, Any]
    ) -> None:
        declared = {name for each in read(MODULE / "variables.tf")["variable"] for name in each}
        [module] = [each["ecr_scan_reporter"] for each in read(example)["module"]]
        given = set(module) - {"source", "depends_on", "__is_block__"}
        assert given <= declared
        assert (example.parent / module["source"]).resolve() == MODULE
        assert set(module["parameters"]) <= set(template["Parameters"])

    def test_gives_the_template_for_other_accounts_what_it_takes(self) -> None:
        example = read(MODULE / "examples/organisation/main.tf")
        [stacks] = blocks(example, "resource", "aws_cloudformation_stack_set")
        taken = yaml.load(ACCOUNTS_TEMPLATE.read_text(), yaml.BaseLoader)["Parameters"]  # noqa: S506
        required = {name for name, parameter in taken.items() if "Default" not in parameter}
        assert required <= set(stacks["parameters"]) <= set(taken)
        assert stacks["template_url"].endswith("ecr-scan-reporter-${local.release}-accounts.yaml")

    def test_has_no_variable_that_is_not_used(self) -> None:
        used = (MODULE / "main.tf").read_text()
        for each in read(MODULE / "variables.tf")["variable"]:
            [name] = each
            assert f"var.{name}" in used


def read(path: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = unquoted(hcl2.loads(path.read_text()))
    return parsed


def unquoted(value: Any) -> Any:
    """The parser's answer with texts as they are meant; it leaves them in their quotes."""
    if isinstance(value, dict):
        return {unquoted(name): unquoted(each) for name, each in value.items()}
    if isinstance(value, list):
        return [unquoted(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


def blocks(parsed: dict[str, Any], kind: str, resource: str) -> list[dict[str, Any]]:
    return list(_blocks(parsed, kind, resource))


def _blocks(parsed: dict[str, Any], kind: str, resource: str) -> Iterator[dict[str, Any]]:
    for each in parsed[kind]:
        yield from each.get(resource, {}).values()
