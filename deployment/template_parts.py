"""The parts of the template that are generated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from chalicelib.settings.table import ROWS
from deployment.parameters import parameters_by_group
from deployment.permissions import WITH_CONFIGURATION
from deployment.policies import policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.settings.rows import Setting

_BEGIN = "# --- Made from {} by `make generate`: do not edit ---\n"
_END = "# --- The end of what is made from {} ---\n"


def with_generated_parts(template: str) -> str:
    """The text of the template, with its generated parts as they are to be.

    :raises ValueError: when the lines that a part stands between are not there.
    """
    for source, text in (
        ("the table of settings", _dumped(_from_settings())),
        ("deployment/permissions.py", _indented(_dumped(_from_permissions()))),
    ):
        begin, end = _BEGIN.format(source), _END.format(source)
        before, _, rest = template.partition(begin)
        _, _, after = rest.partition(end)
        if not after:
            raise ValueError(f"the template has no lines {begin!r} and {end!r}")
        indent = before.rpartition("\n")[2]
        template = f"{before}{begin}{text}{indent}{end}{after}"
    return template


def _from_settings() -> dict[str, Any]:
    groups = parameters_by_group()
    every = [parameter for group in groups.values() for parameter in group]
    interface = {
        "ParameterGroups": [
            {"Label": {"default": label}, "Parameters": [each.name for each in group]}
            for label, group in groups.items()
        ],
        "ParameterLabels": {each.name: {"default": each.label} for each in every},
    }
    variables = {row.variable: _value(row) for row in ROWS if row.parameter or row.resource}
    return {
        "Metadata": {"AWS::CloudFormation::Interface": interface},
        "Parameters": {each.name: dict(each.spec) for each in every},
        "Globals": {"Function": {"Environment": {"Variables": variables}}},
    }


def _value(row: Setting[Any]) -> Any:
    value = {"Ref": row.parameter or row.resource}
    otherwise = {"Ref": row.otherwise} if row.otherwise else ""
    return {"Fn::If": [row.condition, value, otherwise]} if row.condition else value


def _from_permissions() -> dict[str, Any]:
    api = {"Fn::If": ["HasHttpApi", {"Ref": "ApiHandlerRole"}, {"Ref": "AWS::NoValue"}]}
    others = (*("ListRepositoriesRole", "ScanImagesRole", "NotifyRole", "ReportFleetRole"),)
    properties = {
        "PolicyName": "configuration",
        "PolicyDocument": policy(WITH_CONFIGURATION),
        "Roles": [*({"Ref": role} for role in others), api],
    }
    resource = {
        "Type": "AWS::IAM::Policy",
        "Condition": "NeedsConfigurationPolicy",
        "Properties": properties,
    }
    return {"ConfigurationPolicy": resource}


class _Dumper(yaml.SafeDumper):
    """YAML with CloudFormation's short form of references, and without references of its own."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _mapping(dumper: _Dumper, value: Mapping[str, Any]) -> yaml.Node:
    if list(value) == ["Ref"]:
        return dumper.represent_scalar("!Ref", value["Ref"])
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items())


_Dumper.add_representer(dict, _mapping)


def _dumped(parts: dict[str, Any]) -> str:
    text = yaml.dump(parts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return re.sub(r"!Ref '([\w:]+)'", r"!Ref \1", text)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
