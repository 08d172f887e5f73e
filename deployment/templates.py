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
_INTERFACE = "AWS::CloudFormation::Interface"


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
        "Conditions": _without(packaged["Conditions"], _OPTIONAL_API),
        "Resources": resources,
        "Outputs": outputs | _outputs_for_chalice(package),
    }
    return _with_parameters(template, packaged)


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


def _with_parameters(template: Template, packaged: Template) -> Template:
    """Add the parameters that the template refers to, in the groups that they have."""
    used = set(_references(template))
    parameters = {name: spec for name, spec in packaged["Parameters"].items() if name in used}
    interface = packaged["Metadata"][_INTERFACE]
    groups = [
        group | {"Parameters": [name for name in group["Parameters"] if name in parameters]}
        for group in interface["ParameterGroups"]
    ]
    labels = {
        name: label for name, label in interface["ParameterLabels"].items() if name in parameters
    }
    return template | {
        "Metadata": {_INTERFACE: {"ParameterGroups": groups, "ParameterLabels": labels}},
        "Parameters": parameters,
    }


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
