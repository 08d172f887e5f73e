"""Policy files are composed of permissions that are written once."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from deployment import __main__ as program
from deployment import permissions
from deployment.generate import TEMPLATE as TEMPLATE_FILE
from deployment.generate import generated_files, stale_files
from deployment.packages import MERGED_TEMPLATE, PROJECT
from deployment.permissions import FUNCTIONS, WITH_CONFIGURATION
from deployment.policies import Permission, Resource, only_if, policy

WRITTEN = [each for each in vars(permissions).values() if isinstance(each, Permission)]
NOTHING = {"Ref": "AWS::NoValue"}


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of functions."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: None)
TEXT = MERGED_TEMPLATE.read_text()
TEMPLATE = yaml.load(TEXT, _Template)  # noqa: S506


def resolved(value: Any, holding: set[str]) -> Any:
    """A part of a policy as CloudFormation reads it, but for the choice of regions."""
    if isinstance(value, list):
        return [part for part in (resolved(each, holding) for each in value) if part != NOTHING]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value and value["Fn::If"][2] == NOTHING:
        condition, then, otherwise = value["Fn::If"]
        return resolved(then if condition in holding else otherwise, holding)
    return {name: resolved(part, holding) for name, part in value.items()}


def allowed_by(document: dict[str, Any], holding: set[str]) -> Counter[tuple[str, str]]:
    """What a policy allows where these conditions hold: each action with the resource."""
    statements = resolved(document, holding)["Statement"]
    assert all(statement["Action"] for statement in statements)
    assert max(Counter(each["Sid"] for each in statements).values(), default=1) == 1
    return Counter(
        (action, json.dumps([statement["Resource"], regions_of(statement)]))
        for statement in statements
        for action in statement["Action"]
    )


def regions_of(statement: dict[str, Any]) -> Any:
    condition = statement.get("Condition")
    return condition["StringEquals"]["aws:RequestedRegion"] if condition else None


def meant(given: tuple[Permission, ...], holding: set[str]) -> Counter[tuple[str, str]]:
    return Counter(
        (action, json.dumps([each.resource.arn, each.resource.regions]))
        for each in given
        if holding.issuperset(each.conditions)
        for action in each.actions
    )


CONDITIONS = ("A", "B", "C")


@st.composite
def any_permissions(draw: st.DrawFn) -> tuple[Permission, ...]:
    resources = st.builds(Resource, st.sampled_from(["one", "two"]), st.sampled_from([None, "eu"]))
    conditions = st.lists(st.sampled_from(CONDITIONS), max_size=3, unique=True).map(tuple)
    about = draw(st.lists(st.tuples(resources, conditions), max_size=8))
    return tuple(
        Permission(f"Permission{number}", (f"a:{number}", f"b:{number}"), resource, needed)
        for number, (resource, needed) in enumerate(about)
    )


@given(any_permissions(), st.sets(st.sampled_from(CONDITIONS)))
def test_a_policy_allows_what_its_permissions_do_whatever_is_on(
    given: tuple[Permission, ...], holding: set[str]
) -> None:
    assert allowed_by(policy(given), holding) == meant(given, holding)


@given(st.sampled_from(sorted(FUNCTIONS)), st.sets(st.sampled_from(sorted(TEMPLATE["Conditions"]))))
def test_a_functions_policy_allows_what_is_listed_for_it_whatever_is_on(
    function: str, holding: set[str]
) -> None:
    """And nothing twice."""
    allowed = allowed_by(policy(FUNCTIONS[function]), holding)
    assert allowed == meant(FUNCTIONS[function], holding)
    assert max(allowed.values()) == 1


def test_permissions_on_one_resource_share_a_statement() -> None:
    orders = Resource({"Ref": "Orders"}, "eu")
    read = Permission("Read", ("shop:Read",), orders)
    write = Permission("Write", ("shop:Write",), orders)
    assert policy([read, *only_if("Sells", write)])["Statement"] == [
        {
            "Sid": "ReadWrite",
            "Effect": "Allow",
            "Action": ["shop:Read", {"Fn::If": ["Sells", "shop:Write", NOTHING]}],
            "Resource": {"Ref": "Orders"},
            "Condition": {"StringEquals": {"aws:RequestedRegion": "eu"}},
        }
    ]


def test_each_permission_is_written_once() -> None:
    said = Counter(
        (action, json.dumps(each.resource.arn)) for each in WRITTEN for action in each.actions
    )
    assert [what for what, times in said.items() if times > 1] == []
    names = Counter(each.name for each in WRITTEN)
    assert max(names.values()) == 1


def test_each_permission_is_some_functions() -> None:
    listed = {each.name for own in (*FUNCTIONS.values(), WITH_CONFIGURATION) for each in own}
    assert {each.name for each in WRITTEN} <= listed


def test_conditions_that_are_named_are_in_the_template() -> None:
    named = {
        condition
        for own in (*FUNCTIONS.values(), WITH_CONFIGURATION)
        for each in own
        for condition in each.conditions
    }
    assert named <= TEMPLATE["Conditions"].keys()


def test_each_function_has_a_policy_file() -> None:
    config = json.loads((PROJECT / ".chalice" / "config.json").read_text())
    files = {each["iam_policy_file"] for each in config["lambda_functions"].values()}
    assert config["lambda_functions"].keys() == FUNCTIONS.keys()
    assert {path.name for path in generated_files(PROJECT)} >= files


def test_what_is_generated_is_what_is_committed() -> None:
    """Else: `make generate`."""
    assert list(stale_files(PROJECT)) == []


class TestGenerating:
    @pytest.fixture(autouse=True)
    def project(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(program, "PROJECT", tmp_path)
        for path in generated_files(PROJECT):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        # What people write of it; the rest is filled in.
        written = re.sub(r"(do not edit ---\n).*?( *# --- The end)", r"\1\2", TEXT, flags=re.DOTALL)
        (tmp_path / TEMPLATE_FILE).write_text(written)
        return tmp_path

    def generate(self, *options: str) -> Any:
        return CliRunner().invoke(program.commands, ["generate", *options])

    def test_writes_every_file(self, project: Path) -> None:
        assert self.generate().exit_code == 0
        for path in generated_files(PROJECT):
            assert (project / path).read_text() == (PROJECT / path).read_text()
        assert self.generate("--check").exit_code == 0

    def test_only_checking_names_what_is_stale_and_leaves_it(self, project: Path) -> None:
        self.generate()
        path = project / ".chalice" / "policy-notify.json"
        path.write_text("{}")
        checked = self.generate("--check")
        assert checked.exit_code == 1
        assert "Stale: .chalice/policy-notify.json" in checked.output
        assert "scan_images" not in checked.output
        assert path.read_text() == "{}"

    def test_a_missing_file_is_stale(self, project: Path) -> None:
        self.generate()
        (project / ".chalice" / "policy-notify.json").unlink()
        assert self.generate("--check").exit_code == 1

    def test_a_template_without_the_place_for_a_part_is_an_error(self, project: Path) -> None:
        (project / TEMPLATE_FILE).write_text("Resources: {}\n")
        assert "has no lines" in str(self.generate().exception)
