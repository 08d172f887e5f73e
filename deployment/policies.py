"""Policy documents as small as they can be, composed from the permissions of a function.

IAM takes 10,240 characters of inline policies a role, and a condition on regions stands in full in
every statement that has it. Permissions on one resource therefore share a statement.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Resource:
    """What actions are allowed on: an ARN or several, as a CloudFormation template gives them.

    ``regions`` are those that calls may go to, where the ARN leaves that open.
    """

    arn: Any
    regions: Any = None


@dataclass(frozen=True)
class Permission:
    """Actions that are allowed on a resource, where all these conditions of the template hold."""

    name: str
    actions: tuple[str, ...]
    resource: Resource
    conditions: tuple[str, ...] = ()


def only_if(condition: str, *permissions: Permission) -> tuple[Permission, ...]:
    """The permissions, given only where this condition of the template holds too."""
    return tuple(
        each
        if condition in each.conditions
        else replace(each, conditions=(condition, *each.conditions))
        for each in permissions
    )


def policy(permissions: Iterable[Permission]) -> dict[str, Any]:
    """A policy document that allows these, with the conditions of a CloudFormation template."""
    on_resources: defaultdict[str, list[Permission]] = defaultdict(list)
    for permission in permissions:
        on_resources[json.dumps(astuple(permission.resource))].append(permission)
    statements = [each for group in on_resources.values() for each in _statements(group)]
    return {"Version": "2012-10-17", "Statement": statements}


def _statements(group: Sequence[Permission]) -> Iterator[dict[str, Any]]:
    """One statement for permissions on a resource; one each, where it could end without actions."""
    shared = min((each.conditions for each in group), key=len)
    if all(each.conditions[: len(shared)] == shared for each in group):
        yield _statement(group, shared)
    else:
        for permission in group:
            yield _statement([permission], permission.conditions)


def _statement(group: Sequence[Permission], conditions: Sequence[str]) -> dict[str, Any]:
    resource = group[0].resource
    statement = {
        "Sid": "".join(each.name for each in group),
        "Effect": "Allow",
        "Action": [
            _switched(each.conditions[len(conditions) :], action)
            for each in group
            for action in each.actions
        ],
        "Resource": resource.arn,
    }
    if resource.regions:
        statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": resource.regions}}
    switched: dict[str, Any] = _switched(conditions, statement)
    return switched


def _switched(conditions: Sequence[str], value: Any) -> Any:
    """The value, where all conditions of the template hold."""
    for condition in reversed(conditions):
        value = {"Fn::If": [condition, value, _NO_VALUE]}
    return value
