"""The AWS services that the functions use, each made when a function first needs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.aws.clients import MOST_CLIENTS, client
from chalicelib.ecr.registries import OWN_REGISTRY, RegistryAddress
from chalicelib.runtime import logs
from chalicelib.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from chalicelib.aws.documents import KeptDocument
    from chalicelib.aws.ecr import Registry
    from chalicelib.aws.event_bus import EventBus
    from chalicelib.aws.inspector import Inspector
    from chalicelib.aws.kept_feeds import KeptFeeds
    from chalicelib.aws.repositories import RepositoryImages
    from chalicelib.aws.s3 import ReportBucket
    from chalicelib.aws.security_hub import SecurityHub
    from chalicelib.aws.sns import ChatTopic, ReportTopic
    from chalicelib.aws.sqs import JobsQueue
    from chalicelib.aws.tagging import RepositoryTags
    from chalicelib.ecr.registries import Role
    from chalicelib.ecr.uses import Workloads
    from chalicelib.policy.accepted_risks import AcceptedRisks
    from chalicelib.settings.settings import Settings
    from chalicelib.settings.sources import Source

Value = TypeVar("Value")

WORKLOAD_ATTEMPTS = 8
"""How often a call about workloads is attempted: throttled ones wait longer and longer."""


def log_wrong(errors: Sequence[Exception]) -> None:
    """Log and count what is wrong with settings."""
    for error in errors:
        logs.logger.error("wrong setting", extra={"error": str(error)})
    if errors:
        logs.count("WrongSettings", len(errors))


class Services(Stores):
    """The settings and, made lazily and once, the registries, the queue and the topic.

    ``client`` makes the boto3 client of a service from its name, and, for another region or
    account than the function's own, from the region and the role, and from how often a call is
    attempted, where that is not as usual. ``root`` is where paths of files begin; the application's
    root, unless given. ``paces`` are those found so far by what makes calls at a pace.
    """

    def __init__(
        self, settings: Settings, client: Callable[..., Any] = client, root: Path | None = None
    ) -> None:
        super().__init__(settings, client)
        self._of_environment = settings
        self._configured: Mapping[str, Any] | None = None
        self._root = root
        self._registries: dict[tuple[RegistryAddress, bool], Registry] = {}
        self.paces: dict[RegistryAddress, Any] = {}

    def read_context(self, context: Any) -> None:
        """Know the function's own account by its ARN in the Lambda context, without a call."""
        if arn := getattr(context, "invoked_function_arn", ""):
            self.own_account = arn.split(":")[4]

    def read_configuration(self) -> None:
        """Let the settings be as the configuration file has them now, if there is one.

        It is looked at every five minutes at most. One that cannot be read any more changes
        nothing; so do these settings while nobody calls this.

        :raises DocumentNotRead: when it cannot be read at first.
        :raises DocumentError: when there are errors in it at first, with line and key.
        :raises SettingError: when it is not said right where it is.
        """
        if self._configuration is None:
            return
        values = self._configuration.last_read()
        if values is self._configured:
            return
        self._configured = values
        self.settings = self._of_environment.configured(values)
        self._registries.clear()  # their roles may be others
        self.paces.clear()
        logs.logger.setLevel(self.settings.log_level)
        logs.logger.info("configuration read", extra={"overridden": self.settings.overridden})
        log_wrong(self.settings.errors())

    @property
    def registry(self) -> Registry:
        """The registry of the function's own account and region."""
        return self.registry_of(OWN_REGISTRY)

    def registry_of(self, address: RegistryAddress, *, once: bool = False) -> Registry:
        """A registry, through the role of its account, if there is one.

        One that asks ``once`` repeats no call by itself, for callers that do so at their own pace.
        """
        if (address, once) not in self._registries:
            if len(self._registries) >= MOST_CLIENTS:
                del self._registries[next(iter(self._registries))]
            client = self._client_at("ecr", address, *((1,) if once else ()))
            self._registries[address, once] = self._new_registry(client, address.account)
        return self._registries[address, once]

    def _new_registry(self, client: Any, account: str | None) -> Registry:
        from chalicelib.aws.ecr import Registry

        return Registry(client, account)

    def repository_images_of(
        self, address: RegistryAddress, *, remember: bool = True
    ) -> RepositoryImages:
        """The images of a registry's repositories, with what their indexes say of them."""
        from chalicelib.aws.repositories import RepositoryImages

        table = self.table if remember else None
        place = self.place_of(address) if table is not None else ""
        return RepositoryImages(
            self.registry_of(address), place, table, resolve=self.settings.resolve_indexes
        )

    def inspector_of(self, address: RegistryAddress) -> Inspector:
        """Amazon Inspector, as far as it covers a registry."""
        from chalicelib.aws.inspector import Inspector

        account = address.account or self.own_account
        return Inspector(self._client_at("inspector2", address), account)

    def place_of(self, address: RegistryAddress, repository: str = "") -> str:
        """A registry's account and region, and a repository in it, with slashes between."""
        parts = (*self.named_place_of(address), repository)
        return "/".join(part for part in parts if part)

    def named_place_of(self, address: RegistryAddress) -> tuple[str, str]:
        """The account and the region of a registry."""
        return (
            address.account or self.own_account,
            address.region or self.registry_of(address).region,
        )

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
                ecs = self._client_in("ecs", region, role, WORKLOAD_ATTEMPTS)
                yield f"ECS in {where}", EcsWorkloads(ecs, settings.ecs_discovery_task_definitions)
                yield (
                    f"Lambda in {where}",
                    LambdaFunctions(self._client_in("lambda", region, role, WORKLOAD_ATTEMPTS)),
                )

    @cached_property
    def own_account(self) -> str:
        """The account that the function, or else the caller, is in. Source: GetCallerIdentity."""
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

    def report_topic_at(self, arn: str) -> ReportTopic:
        """A topic of an owner's own."""
        from chalicelib.aws.sns import ReportTopic

        return ReportTopic(self._client("sns"), arn)

    def chat_topic_at(self, arn: str) -> ChatTopic:
        """A chat topic of an owner's own."""
        from chalicelib.aws.sns import ChatTopic

        return ChatTopic(self._client("sns"), arn)

    @cached_property
    def report_bucket(self) -> ReportBucket:
        """The bucket of the fleet reports; :raises SettingError: when it is not set."""
        from chalicelib.aws.s3 import ReportBucket

        return ReportBucket(self._client("s3"), self.settings.require_report_bucket_name())

    @cached_property
    def kept_feeds(self) -> KeptFeeds | None:
        """What is exploited, or likely to be; None where no feed is fetched."""
        from chalicelib.aws.kept_feeds import KeptFeeds

        return KeptFeeds(self.report_bucket) if self.settings.feeds else None

    @cached_property
    def event_bus(self) -> EventBus | None:
        """The bus of findings' events; None where they go on none."""
        from chalicelib.aws.event_bus import EventBus

        arn = self.settings.event_bus
        return None if arn is None else EventBus(self._client("events"), arn)

    @cached_property
    def security_hub(self) -> SecurityHub:
        """AWS Security Hub in the function's own account and region."""
        from chalicelib.aws.security_hub import SecurityHub

        return SecurityHub(self._client("securityhub"), self.own_account)

    @property
    def accepted_risks(self) -> AcceptedRisks:
        """What is accepted; nothing where no list is set.

        :raises DocumentNotRead: when the list cannot be read.
        :raises DocumentError: when there are errors in it.
        """
        from chalicelib.policy.accepted_risks import AcceptedRisks

        return AcceptedRisks() if self._accepted_risks is None else self._accepted_risks.read()

    @cached_property
    def _accepted_risks(self) -> KeptDocument[AcceptedRisks] | None:
        if (source := self.settings.accepted_risks) is None:
            return None
        from chalicelib.policy.accepted_risks import AcceptedRisks
        from chalicelib.settings.accepted_risks import parse_accepted_risks

        return self._kept(
            source, lambda text: AcceptedRisks(parse_accepted_risks(text, str(source)))
        )

    @cached_property
    def _configuration(self) -> KeptDocument[Mapping[str, Any]] | None:
        if (source := self._of_environment.configuration) is None:
            return None
        from chalicelib.settings.configuration import parse_configuration

        return self._kept(source, lambda text: parse_configuration(text, str(source)))

    def _kept(self, source: Source, parse: Callable[[str], Value]) -> KeptDocument[Value]:
        from chalicelib.aws.documents import KeptDocument

        return KeptDocument(source, parse, self._client, self._root)

    def _client_at(self, service: str, address: RegistryAddress, *attempts: int) -> Any:
        if address.account is None:
            return self._client_in(service, address.region, None, *attempts)
        roles = {role.account: role for role in self.settings.scan_roles}
        return self._client_in(service, address.region, roles.get(address.account), *attempts)

    def _client_in(
        self, service: str, region: str | None, role: Role | None, *attempts: int
    ) -> Any:
        if region is None and role is None and not attempts:
            return self._client(service)
        return self._client(service, region, role, *attempts)
