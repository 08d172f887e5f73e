"""A CloudFormation stack: made, changed and deleted, each to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deployment.templates import refuse_wrong, request_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

    from deployment.packages import Template

_NOTHING_CHANGED = "No updates are to be performed"


class Stack:
    """The stack of a name, whether it exists or not."""

    def __init__(self, client: CloudFormationClient, name: str) -> None:
        self._client = client
        self._name = name

    def deploy(self, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        """Make the stack, or change it; a parameter that is not given keeps its value.

        Returns what was given for parameters that the template has no more.
        """
        refuse_wrong(template, parameters)
        existing = self._describe()
        if existing is None:
            self._create(template, parameters)
            return {}
        previous = {
            parameter["ParameterKey"]: parameter["ParameterValue"]
            for parameter in existing.get("Parameters", ())
        }
        known = template["Parameters"].keys()
        kept = {name: value for name, value in previous.items() if name in known}
        self._update(template, kept | dict(parameters))
        return {name: value for name, value in previous.items() if name not in known and value}

    def outputs(self) -> dict[str, str]:
        """The stack's outputs; none where there is no stack."""
        existing = self._describe()
        outputs = existing.get("Outputs", ()) if existing else ()
        return {output["OutputKey"]: output.get("OutputValue", "") for output in outputs}

    def delete(self) -> None:
        """Delete the stack with everything in it but what it is to retain."""
        self._client.delete_stack(StackName=self._name)
        self._client.get_waiter("stack_delete_complete").wait(StackName=self._name)

    def _describe(self) -> StackTypeDef | None:
        try:
            (stack,) = self._client.describe_stacks(StackName=self._name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stack

    def _create(self, template: Template, parameters: Mapping[str, str]) -> None:
        self._client.create_stack(
            StackName=self._name,
            TemplateBody=request_body(template),
            Parameters=_given(parameters),
            Capabilities=["CAPABILITY_IAM"],
            OnFailure="DELETE",
        )
        self._client.get_waiter("stack_create_complete").wait(StackName=self._name)

    def _update(self, template: Template, parameters: Mapping[str, str]) -> None:
        try:
            self._client.update_stack(
                StackName=self._name,
                TemplateBody=request_body(template),
                Parameters=_given(parameters),
                Capabilities=["CAPABILITY_IAM"],
            )
        except ClientError as error:
            if _NOTHING_CHANGED in str(error):
                return
            raise
        self._client.get_waiter("stack_update_complete").wait(StackName=self._name)


def _given(parameters: Mapping[str, str]) -> list[ParameterTypeDef]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
