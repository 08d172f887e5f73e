"""The AWS services that the functions use, each made when a function first needs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.aws.clients import client
from chalicelib.ecr.registries import OWN_REGISTRY, RegistryAddress
from chalicelib.settings.sources import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chalicelib.aws.dynamodb import Table
    from chalicelib.aws.ecr import Registry
    from chalicelib.aws.history import History
    from chalicelib.aws.image_uses import ImageUses
    from chalicelib.aws.lists import AcceptedRisksReader
    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.aws.security_hub import SecurityHub
    from chalicelib.aws.sns import ChatTopic, ReportTopic
    from chalicelib.aws.sqs import JobsQueue
    from chalicelib.aws.tagging import RepositoryTags
    from chalicelib.ecr.registries import Role
    from chalicelib.ecr.uses import Workloads
    from chalicelib.policy.accepted_risks import AcceptedRisks
    from chalicelib.settings.settings import Settings


class Services:
    """The settings and, made lazily and once, the registries, the queue and the topic.

    ``client`` makes the boto3 client of a service from its name, and, for another region or
    account than the function's own, from the region and the role. ``root`` is where paths of files
    begin; the application's root, unless told.
    """

    def __init__(
        self, settings: Settings, client: Callable[..., Any] = client, root: Path | None = None
    ) -> None:
        self.settings = settings
        self._root = root
        self._client = client
        self._registries: dict[RegistryAddress, Registry] = {}

    @property
    def registry(self) -> Registry:
        """The registry of the function's own account and region."""
        return self.registry_of(OWN_REGISTRY)

    def registry_of(self, address: RegistryAddress) -> Registry:
        """A registry, through the role of its account, if there is one."""
        from chalicelib.aws.ecr import Registry

        if address not in self._registries:
            self._registries[address] = Registry(self._client_at("ecr", address), address.account)
        return self._registries[address]

    def repository_tags_of(self, address: RegistryAddress) -> RepositoryTags:
        """The tags of a registry's repositories."""
        from chalicelib.aws.tagging import RepositoryTags

        return RepositoryTags(self._client_at("resourcegroupstaggingapi", address))

    def workloads(self) -> Iterator[tuple[str, Workloads]]:
        """Every source of images in use, and what to call it.

        In the function's own account and in that of each discovery role; in each region. Another
        source, such as a Kubernetes cluster, is to be added here.
        """
        from chalicelib.aws.ecs import EcsWorkloads
        from chalicelib.aws.lambda_functions import LambdaFunctions

        settings = self.settings
        for role in (None, *settings.ecs_discovery_roles):
            for region in settings.scan_regions:
                where = str(RegistryAddress(role.account if role else None, region))
                ecs = self._client_in("ecs", region, role)
                yield f"ECS in {where}", EcsWorkloads(ecs, settings.ecs_discovery_task_definitions)
                yield f"Lambda in {where}", LambdaFunctions(self._client_in("lambda", region, role))

    @cached_property
    def own_account(self) -> str:
        """The account that the function runs in. Source: STS GetCallerIdentity."""
        return str(self._client("sts").get_caller_identity()["Account"])

    @cached_property
    def jobs_queue(self) -> JobsQueue:
        """The queue between lister and scanner; :raises SettingError: when it is not set."""
        from chalicelib.aws.sqs import JobsQueue

        return JobsQueue(self._client("sqs"), self.settings.require_jobs_queue_url())

    @cached_property
    def report_topic(self) -> ReportTopic:
        """The topic of the reports; :raises SettingError: when it is not set."""
        from chalicelib.aws.sns import ReportTopic

        return ReportTopic(self._client("sns"), self.settings.require_report_topic_arn())

    @cached_property
    def chat_topic(self) -> ChatTopic:
        """The topic of the chat channels; :raises SettingError: when it is not set."""
        from chalicelib.aws.sns import ChatTopic

        return ChatTopic(self._client("sns"), self.settings.require_chat_topic_arn())

    @cached_property
    def report_bucket(self) -> ReportBucket:
        """The bucket of the fleet reports; :raises SettingError: when it is not set."""
        from chalicelib.aws.s3 import ReportBucket

        return ReportBucket(self._client("s3"), self.settings.require_report_bucket_name())

    @cached_property
    def security_hub(self) -> SecurityHub:
        """AWS Security Hub in the function's own account and region."""
        from chalicelib.aws.security_hub import SecurityHub

        return SecurityHub(self._client("securityhub"), self.own_account)

    @cached_property
    def table(self) -> Table | None:
        """The table of what is remembered; None where nothing is."""
        from chalicelib.aws.dynamodb import Table

        name = self.settings.history_table_name
        return None if name is None else Table(self._client("dynamodb"), name)

    @cached_property
    def history(self) -> History | None:
        """What was reported; None where nothing is remembered."""
        from chalicelib.aws.history import History

        return None if self.table is None else History(self.table)

    @cached_property
    def image_uses(self) -> ImageUses | None:
        """Where images are in use; None where nothing is remembered."""
        from chalicelib.aws.image_uses import ImageUses

        return None if self.table is None else ImageUses(self.table)

    @property
    def accepted_risks(self) -> AcceptedRisks:
        """What is accepted; nothing where no list is set.

        :raises ListNotRead: when the list cannot be read.
        :raises AcceptedRisksError: when there are errors in it.
        """
        from chalicelib.policy.accepted_risks import AcceptedRisks

        reader = self._accepted_risks_reader
        return AcceptedRisks() if reader is None else reader.read()

    def check_shipped_lists(self) -> None:
        """Read a list of accepted risks that ships with the code, so that its errors show at once.

        :raises ListNotRead: when it is not there.
        :raises AcceptedRisksError: when there are errors in it, with line and key.
        """
        if isinstance(self.settings.accepted_risks, FileSource):
            _ = self.accepted_risks

    @cached_property
    def _accepted_risks_reader(self) -> AcceptedRisksReader | None:
        if (source := self.settings.accepted_risks) is None:
            return None
        from chalicelib.aws.lists import ROOT, AcceptedRisksReader

        return AcceptedRisksReader(source, self._client, self._root or ROOT)

    def _client_at(self, service: str, address: RegistryAddress) -> Any:
        roles = {role.account: role for role in self.settings.scan_roles}
        return self._client_in(service, address.region, roles.get(address.account or ""))

    def _client_in(self, service: str, region: str | None, role: Role | None) -> Any:
        if region is None and role is None:
            return self._client(service)
        return self._client(service, region, role)
