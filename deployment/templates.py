"""The template of the resources that Chalice does not make, taken from the packaged one."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployment.packages import Package, Template
from deployment.short_form import short_form

# What `chalice deploy` makes by itself.
_CHALICE_MAKES = frozenset(
    {"AWS::Serverless::Function", "AWS::Serverless::Api", "AWS::Lambda::Permission"}
)
_VARIABLES, _SEPARATOR = "EnvironmentVariables", "\n"
# And patterns, by which values are checked before they are sent: see refuse_wrong.
_FOR_PEOPLE = frozenset({"Metadata", "Description", "ConstraintDescription", "AllowedPattern"})
# And it always makes the API.
_OPTIONAL_API = "HasHttpApi"


def resources_template(package: Package) -> Template:
    """The packaged template without what ``chalice deploy`` makes by itself.

    Its outputs hold what Chalice has to know in turn: see :func:`variables` and
    :func:`role_output`.
    """
    packaged = package.template
    resources = {
        name: _with_api(resource)
        for name, resource in packaged["Resources"].items()
        if resource["Type"] not in _CHALICE_MAKES
    }
    removed = packaged["Resources"].keys() - resources.keys()
    outputs = {
        name: output
        for name, output in packaged["Outputs"].items()
        if removed.isdisjoint(_references(output))
    }
    template = {
        "AWSTemplateFormatVersion": packaged["AWSTemplateFormatVersion"],
        "Description": f"{packaged['Description']}: all but the functions",
        "Conditions": _used_conditions(packaged["Conditions"], [resources, outputs]),
        "Resources": resources,
        "Outputs": outputs | _outputs_for_chalice(package),
    }
    used = set(_references(template))
    parameters = {name: spec for name, spec in packaged["Parameters"].items() if name in used}
    return template | {"Parameters": parameters}


def variables(package: Package, outputs: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of the functions, from the outputs of the stack."""
    values = outputs[_VARIABLES].split(_SEPARATOR)
    return dict(zip(package.environment, values, strict=True))


def is_for_chalice(outputs: Mapping[str, str]) -> bool:
    """Whether a stack with these outputs is one of :func:`resources_template`."""
    return _VARIABLES in outputs


def role_output(function: str) -> str:
    """The name of the output with the ARN of a function's role."""
    return "Role" + function.title().replace("_", "")


def serialized(template: Template) -> str:
    """The template as compact JSON."""
    return json.dumps(template, separators=(",", ":"))


def request_body(template: Template) -> str:
    """The template without what is written for people: a request takes 51,200 bytes of it."""
    return short_form(without_what_people_read(template))


def without_what_people_read(template: Template) -> Template:
    """The template as CloudFormation acts on it."""
    parts = ("Resources", "Parameters", "Outputs")
    return template | {
        part: {name: _bare(each) for name, each in template[part].items()} for part in parts
    }


class WrongParameter(ValueError):
    """A value that CloudFormation would not accept: says what it accepts."""


def refuse_wrong(template: Template, parameters: Mapping[str, str]) -> None:
    """Check values as CloudFormation does; :raises WrongParameter: for one it does not accept."""
    for name, value in parameters.items():
        spec = template["Parameters"].get(name, {})
        if not re.fullmatch(spec.get("AllowedPattern", "(?s).*"), value):
            accepted = spec.get("ConstraintDescription", spec["AllowedPattern"])
            raise WrongParameter(f"{name} is {value!r}; accepted: {accepted}")


def _bare(part: Template) -> Template:
    bare = {name: value for name, value in part.items() if name not in _FOR_PEOPLE}
    if bare.get("Type") == "AWS::CloudWatch::Dashboard":
        body = json.loads(bare["Properties"]["DashboardBody"]["Fn::Sub"])
        return bare | {
            "Properties": bare["Properties"] | {"DashboardBody": {"Fn::Sub": serialized(body)}}
        }
    return {name: _without_ids(value) for name, value in bare.items()}


def _without_ids(value: Any) -> Any:
    """The value with the names of policy statements left out, which only people read."""
    if isinstance(value, list):
        return [_without_ids(item) for item in value]
    if isinstance(value, dict):
        left_out = {"Sid"} if "Effect" in value else set()
        return {name: _without_ids(item) for name, item in value.items() if name not in left_out}
    return value


def _with_api(resource: Template) -> Template:
    if resource.get("Condition") == _OPTIONAL_API:
        resource = _without(resource, "Condition")
    switched: Template = _switched_on(resource)
    return switched


def _switched_on(value: Any) -> Any:
    """The value as it is where there is an API."""
    if isinstance(value, list):
        return [_switched_on(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Fn::If", [None])[0] == _OPTIONAL_API:
        return value["Fn::If"][1]
    return {name: _switched_on(item) for name, item in value.items()}


def _without(mapping: Template, key: str) -> Template:
    return {name: value for name, value in mapping.items() if name != key}


def _outputs_for_chalice(package: Package) -> Template:
    # One output for all, for each by itself would take more room than the template has.
    values = {"Fn::Join": [_SEPARATOR, list(package.environment.values())]}
    roles = {
        role_output(function.name): {"Value": {"Fn::GetAtt": [function.role, "Arn"]}}
        for function in package.functions
    }
    return {_VARIABLES: {"Value": values}} | roles


def _used_conditions(conditions: Template, parts: list[Template]) -> Template:
    """The conditions that parts of the template name, and those that these name in turn."""
    used: set[str] = set()
    named = set(_conditions_of(parts))
    while named - used:
        used |= named
        named = set(_conditions_of([conditions[name] for name in used]))
    return {name: condition for name, condition in conditions.items() if name in used}


def _conditions_of(value: Any) -> Iterator[str]:
    """The names of the conditions that a part of a template depends on."""
    if isinstance(value, list):
        for item in value:
            yield from _conditions_of(item)
    elif isinstance(value, dict):
        # A policy statement's condition is no name but an object.
        if isinstance(value.get("Condition"), str):
            yield value["Condition"]
        if "Fn::If" in value:
            yield value["Fn::If"][0]
        for item in value.values():
            yield from _conditions_of(item)


def _references(value: Any) -> Iterator[str]:
    """The names that a part of a template refers to, by any of the intrinsic functions."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        yield from _own_references(value)
        for item in value.values():
            yield from _references(item)


def _own_references(value: Template) -> Iterator[str]:
    if "Ref" in value:
        yield value["Ref"]
    if "Fn::GetAtt" in value:
        yield value["Fn::GetAtt"][0]
    if isinstance(value.get("Fn::Sub"), str):
        yield from _substituted(value["Fn::Sub"])


def _substituted(text: str) -> Iterator[str]:
    for part in text.split("${")[1:]:
        yield part.split("}")[0].split(".")[0]
