"""What is in an account, on moto."""

from collections.abc import Callable
from typing import Any


def everything(client: Callable[[str], Any]) -> dict[str, list[Any]]:
    """Whatever may be left in the account."""
    return {
        "stacks": client("cloudformation").describe_stacks()["Stacks"],
        "functions": client("lambda").list_functions()["Functions"],
        "triggers": client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "rules": client("events").list_rules()["Rules"],
        "apis": client("apigateway").get_rest_apis()["items"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "topics": client("sns").list_topics()["Topics"],
        "roles": client("iam").list_roles()["Roles"],
        "logs": client("logs").describe_log_groups()["logGroups"],
        "dashboards": client("cloudwatch").list_dashboards().get("DashboardEntries", []),
        "tables": client("dynamodb").list_tables()["TableNames"],
        "buckets": client("s3").list_buckets()["Buckets"],
    }
