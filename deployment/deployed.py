"""What ``chalice deploy`` made of a stage, found in the account.

Chalice keeps a record of it in the checkout that deployed. Another checkout has none, and would
make a second API and a second trigger; one that is older than what is there would too. So the
record is made anew from the account before Chalice reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Record = dict[str, str]


def find_deployed(app_name: str, stack_name: str, client: Callable[[str], Any]) -> list[Record]:
    """The resources of a stage as Chalice records them, in the order in which it makes them.

    Functions that the application no longer has are among them, and so are a second API and
    trigger: Chalice deletes what is recorded and not, or under another name, in the application.
    ``client`` makes a boto3 client.
    """
    functions = _functions(stack_name, client("lambda"))
    return [
        *(_lambda_function(name, arn) for name, arn in functions.items()),
        *_rules(stack_name, client("events")),
        *_triggers(functions, client("lambda")),
        *_apis(app_name, stack_name, client("apigateway")),
    ]


def _functions(stack_name: str, client: Any) -> dict[str, str]:
    """The ARN of every function, by Chalice's name of it. Source: Lambda ListFunctions."""
    functions = {}
    for function in _pages(client, "list_functions", "Functions"):
        name = function["FunctionName"]
        if name == stack_name:
            functions["api_handler"] = function["FunctionArn"]
        elif _is_own(own := name.removeprefix(f"{stack_name}-"), name):
            functions[own] = function["FunctionArn"]
    return functions


def _lambda_function(name: str, arn: str) -> Record:
    return {"name": name, "resource_type": "lambda_function", "lambda_arn": arn}


def _rules(stack_name: str, client: Any) -> Iterator[Record]:
    """Source: EventBridge ListRules."""
    prefix, suffix = f"{stack_name}-", "-event"
    for rule in _pages(client, "list_rules", "Rules", NamePrefix=prefix):
        name = rule["Name"].removeprefix(prefix)
        if _is_own(name.removesuffix(suffix), name):
            yield {"name": name, "resource_type": "cloudwatch_event", "rule_name": rule["Name"]}


def _triggers(functions: Mapping[str, str], client: Any) -> Iterator[Record]:
    """Source: Lambda ListEventSourceMappings."""
    names = {arn: f"{name}-sqs-event-source" for name, arn in functions.items()}
    for trigger in _pages(client, "list_event_source_mappings", "EventSourceMappings"):
        arn, queue = trigger["FunctionArn"], trigger["EventSourceArn"]
        if arn in functions.values() and trigger.get("State") != "Deleting":
            yield {
                "name": names.pop(arn, trigger["UUID"]),
                "resource_type": "sqs_event",
                "queue_arn": queue,
                "event_uuid": trigger["UUID"],
                "queue": queue.rpartition(":")[2],
                "lambda_arn": arn,
            }


def _apis(app_name: str, stack_name: str, client: Any) -> Iterator[Record]:
    """Of every stage the API has the same name, so what it starts tells which stage's it is.

    Source: API Gateway GetRestApis, GetResources.
    """
    name = "rest_api"
    named = [api for api in _pages(client, "get_rest_apis", "items") if api["name"] == app_name]
    for api in sorted(named, key=lambda each: each["createdDate"]):
        resources = _pages(client, "get_resources", "items", restApiId=api["id"], embed=["methods"])
        if any(f":function:{stack_name}/" in str(resource) for resource in resources):
            yield {"name": name, "resource_type": "rest_api", "rest_api_id": api["id"]}
            name = str(api["id"])


def _is_own(name: str, before: str) -> bool:
    """Whether a name was cut to a function's, which no other stage's can be: it has no hyphen."""
    return name != before and name.isidentifier()


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page[key]
