"""The template of the resources that Chalice does not make, taken from the packaged one."""

import json
from collections.abc import Iterator
from typing import Any

from deployment.packages import Package, Template

# What `chalice deploy` makes by itself.
_CHALICE_MAKES = frozenset(
    {"AWS::Serverless::Function", "AWS::Serverless::Api", "AWS::Lambda::Permission"}
)
# And it always makes the API.
_OPTIONAL_API = "HasHttpApi"


def resources_template(package: Package) -> Template:
    """The packaged template without what ``chalice deploy`` makes by itself.

    Its outputs hold what Chalice has to know in turn: see :func:`environment_output` and
    :func:`role_output`.
    """
    packaged = package.template
    resources = {
        name: _with_api(resource)
        for name, resource in packaged["Resources"].items()
        if resource["Type"] not in _CHALICE_MAKES
    }
    gone = packaged["Resources"].keys() - resources.keys()
    outputs = {
        name: output
        for name, output in packaged["Outputs"].items()
        if gone.isdisjoint(_references(output))
    }
    template = {
        "AWSTemplateFormatVersion": packaged["AWSTemplateFormatVersion"],
        "Description": f"{packaged['Description']}: all but the functions",
        "Rules": packaged["Rules"],
        "Conditions": _used_conditions(packaged["Conditions"], [resources, outputs]),
        "Resources": resources,
        "Outputs": outputs | _outputs_for_chalice(package),
    }
    used = set(_references(template))
    parameters = {name: spec for name, spec in packaged["Parameters"].items() if name in used}
    return template | {"Parameters": parameters}


def environment_output(variable: str) -> str:
    """The name of the output with the value of an environment variable."""
    return "Variable" + variable.title().replace("_", "")


def role_output(function: str) -> str:
    """The name of the output with the ARN of a function's role."""
    return "Role" + function.title().replace("_", "")


def serialized(template: Template) -> str:
    """The template as compact JSON: CloudFormation takes 51,200 bytes in a request."""
    return json.dumps(template, separators=(",", ":"))


def _with_api(resource: Template) -> Template:
    return (
        _without(resource, "Condition") if resource.get("Condition") == _OPTIONAL_API else resource
    )


def _without(mapping: Template, key: str) -> Template:
    return {name: value for name, value in mapping.items() if name != key}


def _outputs_for_chalice(package: Package) -> Template:
    variables = {
        environment_output(variable): {"Value": value}
        for variable, value in package.environment.items()
    }
    roles = {
        role_output(function.name): {"Value": {"Fn::GetAtt": [function.role, "Arn"]}}
        for function in package.functions
    }
    return variables | roles


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
