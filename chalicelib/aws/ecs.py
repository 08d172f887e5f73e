"""Amazon ECS: which images its tasks and services use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.workloads import EachWorkload, in_turn
from chalicelib.ecr.uses import ImageUse
from chalicelib.runtime.batches import batches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

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

        :raises ClientError: at the end, when some could not be read.
        """
        definitions: dict[str, str] = {}
        yield from in_turn(
            self._images_of_tasks(definitions),
            self._images_of_definitions(definitions.items()),
            self._images_of_definitions(self._others(definitions)),
        )

    def _images_of_tasks(self, definitions: dict[str, str]) -> Iterator[ImageUse]:
        """The images of running tasks; adds each service's task definitions, and where they are."""
        each = EachWorkload()
        for page in self._client.get_paginator("list_clusters").paginate(PaginationConfig=_PAGES):
            for cluster in page["clusterArns"]:
                yield from each.of_one(self._task_images(cluster))
                for definition, service in each.of_one(self._service_definitions(cluster)):
                    definitions.setdefault(definition, service)
        each.raise_failure()

    def _images_of_definitions(self, definitions: Iterable[tuple[str, str]]) -> Iterator[ImageUse]:
        each = EachWorkload()
        for definition, where in definitions:
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
        batched = (batch for page in pages for batch in batches(page["serviceArns"], MOST_SERVICES))
        for batch in batched:
            answer = self._client.describe_services(cluster=cluster, services=batch)
            for service in answer["services"]:
                where = f"ECS service {service['serviceName']} in {_name(cluster)}"
                # A service that CodeDeploy or another controller deploys has task sets.
                deployed = (*service.get("deployments", ()), *service.get("taskSets", ()))
                for version in (service, *deployed):
                    if definition := version.get("taskDefinition"):
                        yield definition, where

    def _others(self, definitions: Collection[str]) -> Iterator[tuple[str, str]]:
        """Every other active task definition, if these are wanted."""
        if not self._all_task_definitions:
            return
        paginator = self._client.get_paginator("list_task_definitions")
        for page in paginator.paginate(status="ACTIVE", PaginationConfig=_PAGES):
            for definition in page["taskDefinitionArns"]:
                if definition not in definitions:
                    yield definition, f"ECS task definition {_name(definition)}"

    def _definition_images(self, definition: str, where: str) -> Iterator[ImageUse]:
        answer = self._client.describe_task_definition(taskDefinition=definition)
        for container in answer["taskDefinition"].get("containerDefinitions", ()):
            if image := container.get("image"):
                yield ImageUse(image, where)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
