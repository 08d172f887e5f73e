"""What ``chalice deploy`` cannot set: failure destinations, recursive loops and throttling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployment.packages import Package


def finish(
    stack_name: str,
    package: Package,
    failed_events_queue_arn: str,
    api_id: str,
    client: Callable[[str], Any],
) -> None:
    """Set on a deployed stage what the packaged template sets, as often as you like.

    ``client`` makes a boto3 client.
    """
    for function in package.functions:
        name = f"{stack_name}-{function.name}"
        if function.keeps_failed_invocations:
            _keep_failed_invocations(client("lambda"), name, failed_events_queue_arn)
        if function.goes_on_by_itself:
            _allow_recursive_loop(client("lambda"), name)
        if function.keeps_undelivered_events:
            _keep_undelivered_events(client("events"), f"{name}-event", failed_events_queue_arn)
    stage_name = package.template["Resources"]["RestAPI"]["Properties"]["StageName"]
    _throttle(client("apigateway"), api_id, stage_name, package.api_throttling)


def _keep_failed_invocations(functions: Any, name: str, queue_arn: str) -> None:
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": queue_arn}}
    )


def _allow_recursive_loop(functions: Any, name: str) -> None:
    """Let a function go on by its own queue, which Lambda stops after some 16 rounds by default.

    Source: Lambda PutFunctionRecursionConfig; developer guide, "Recursive loop detection".
    """
    functions.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")


def _keep_undelivered_events(events: Any, rule: str, queue_arn: str) -> None:
    targets = events.list_targets_by_rule(Rule=rule)["Targets"]
    kept = [target | {"DeadLetterConfig": {"Arn": queue_arn}} for target in targets]
    answer = events.put_targets(Rule=rule, Targets=kept)
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the rule {rule} did not take its targets: {answer['FailedEntries']}")


def _throttle(apis: Any, api_id: str, stage_name: str, limits: Mapping[str, Any]) -> None:
    operations = [
        {"op": "replace", "path": f"/*/*/throttling/{limit}", "value": str(value)}
        for limit, value in limits.items()
    ]
    apis.update_stage(restApiId=api_id, stageName=stage_name, patchOperations=operations)
