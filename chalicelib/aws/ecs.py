"""Amazon ECS: which images its tasks and services use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.workloads import EachWorkload
from chalicelib.ecr.uses import ImageUse
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import PaginatorConfigTypeDef

PAGE_SIZE = 100
"""The most that the List operations return at once, and that DescribeTasks takes."""

MOST_SERVICES = 10
"""The most services that DescribeServices takes."""

_PAGES: PaginatorConfigTypeDef = {"PageSize": PAGE_SIZE}


class EcsWorkloads:
    """The clusters of one account and region."""

    def __init__(self, client: ECSClient, all_task_definitions: bool = False) -> None:
        self._client = client
        self._all_task_definitions = all_task_definitions

    def images(self) -> Iterator[ImageUse]:
        """The images of running tasks and of the services' task definitions, each of these once.

        With ``all_task_definitions`` those of every active task definition too. A task tells the
        digest that runs, a task definition what the next deployment pulls.
        Source: ListClusters, ListTasks, DescribeTasks, ListServices, DescribeServices,
        ListTaskDefinitions, DescribeTaskDefinition.

        :raises ClientError: at the end, when some could not be read; sooner, when none can.
        """
        each = EachWorkload()
        definitions: dict[str, str] = {}
        for page in self._client.get_paginator("list_clusters").paginate(PaginationConfig=_PAGES):
            for cluster in page["clusterArns"]:
                yield from each.of_one(self._task_images(cluster))
                for definition, service in each.of_one(self._service_definitions(cluster)):
                    definitions.setdefault(definition, service)
        if self._all_task_definitions:
            for definition in self._active_definitions():
                definitions.setdefault(definition, f"ECS task definition {_name(definition)}")
        for definition, where in definitions.items():
            yield from each.of_one(self._definition_images(definition, where))
        each.raise_failure()

    def _task_images(self, cluster: str) -> Iterator[ImageUse]:
        paginator = self._client.get_paginator("list_tasks")
        pages = paginator.paginate(
            cluster=cluster, desiredStatus="RUNNING", PaginationConfig=_PAGES
        )
        for page in pages:
            if not page["taskArns"]:
                continue
            tasks = self._client.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
            for task in tasks:
                where = f"ECS task of {task.get('group') or 'no group'} in {_name(cluster)}"
                for container in task.get("containers", ()):
                    if image := container.get("image"):
                        yield ImageUse(image, where, container.get("imageDigest"))

    def _service_definitions(self, cluster: str) -> Iterator[tuple[str, str]]:
        """The task definitions of a cluster's services, those being deployed too."""
        paginator = self._client.get_paginator("list_services")
        pages = paginator.paginate(cluster=cluster, PaginationConfig=_PAGES)
        arns = [arn for page in pages for arn in page["serviceArns"]]
        for batch in batches(arns, MOST_SERVICES):
            answer = self._client.describe_services(cluster=cluster, services=batch)
            for service in answer["services"]:
                where = f"ECS service {service['serviceName']} in {_name(cluster)}"
                # A service that CodeDeploy or another controller deploys has task sets.
                deployed = (*service.get("deployments", ()), *service.get("taskSets", ()))
                for version in (service, *deployed):
                    if definition := version.get("taskDefinition"):
                        yield definition, where

    def _active_definitions(self) -> Iterator[str]:
        paginator = self._client.get_paginator("list_task_definitions")
        for page in paginator.paginate(status="ACTIVE", PaginationConfig=_PAGES):
            yield from page["taskDefinitionArns"]

    def _definition_images(self, definition: str, where: str) -> Iterator[ImageUse]:
        answer = self._client.describe_task_definition(taskDefinition=definition)
        for container in answer["taskDefinition"].get("containerDefinitions", ()):
            if image := container.get("image"):
                yield ImageUse(image, where)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
