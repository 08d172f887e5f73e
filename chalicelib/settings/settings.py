"""The application's settings, as the code uses them: what the table's rows say together."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from chalicelib.ecr.registries import RegistryAddress, Role
from chalicelib.policy.budget import BUDGETED_SCANS_PER_SECOND
from chalicelib.policy.changes import ALL, CURRENT, EVERY_SCAN, NEW_FINDINGS
from chalicelib.policy.due_dates import DueTimes
from chalicelib.policy.finding_filters import FindingFilters
from chalicelib.policy.rules import Rules, RulesByName
from chalicelib.policy.thresholds import Thresholds
from chalicelib.runtime.pace import SCANNERS_AT_ONCE
from chalicelib.settings.channels import CHANNELS
from chalicelib.settings.rows import Setting, SettingError
from chalicelib.settings.table import ROWS, Table

__all__ = ["SettingError", "Settings"]

DEFAULT_JOBS_QUEUE_NAME = "ecr-scan-reporter-jobs"


class Settings(Table):
    """What an operator can set, in the form that the code uses.

    Each is parsed when it is first used, and raises :class:`SettingError` where it is wrong;
    :meth:`errors` are all of them.
    """

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings of these variables, and defaults for what is not set."""
        return cls(dict(environ))

    def configured(self, values: Mapping[str, Any]) -> "Settings":
        """These settings with a configuration file's values, by variable, where nothing is set."""
        return Settings(self._environ, values)

    def errors(self) -> list[SettingError]:
        """What is wrong with each setting that is wrong."""
        wrong = [error for row in ROWS if self.is_set(row) and (error := self._error(row))]
        if not wrong:
            # These are about settings that are right by themselves.
            needs = (self._mode_needs, self._images_need, self._scope_needs, self._mirror_needs)
            wrong = [error for need in needs if (error := need())]
        return wrong

    def check(self) -> "Settings":
        """These settings; :raises SettingError: for the first that is wrong."""
        for error in self.errors():
            raise error
        return self

    @property
    def overridden(self) -> list[str]:
        """The variables that are set although a configuration file has the setting too."""
        return [row.variable for row in ROWS if self.is_set(row) and self.is_configured(row)]

    @cached_property
    def thresholds(self) -> Thresholds:
        """The thresholds of repositories that have none of their own."""
        return Thresholds(
            critical=self.critical,
            high=self.high,
            medium=self.medium,
            low=self.low,
            informational=self.informational,
            undefined=self.undefined,
            kev=self.kev,
            epss=self.epss,
        )

    @cached_property
    def finding_filters(self) -> FindingFilters:
        """The finding filters of repositories that have none of their own."""
        return FindingFilters(
            fixable_only=self.fixable_only,
            ignore_unfixed=self.ignore_unfixed,
            minimum_score=self.minimum_score,
        )

    @cached_property
    def rules(self) -> Rules:
        """Which images of a repository without rules of its own are reviewed."""
        return Rules(
            tag_pattern=self.tag_pattern,
            tagged_only=self.tagged_only,
            newest=self.newest,
            pushed_within=self.pushed_within,
            pulled_within=self.pulled_within,
        )

    def sla_of(self, rules: Rules) -> DueTimes | None:
        """How long findings of a repository with these rules may be open, if that is said."""
        return rules.sla or self.sla

    def rules_of(self, repository: str) -> Rules:
        """The rules of a repository by its name, where it has any; they go over all others."""
        return self._rules_by_name.of(repository)

    def rules_for(self, repository: str, own: Rules) -> Rules:
        """A repository's own rules, by its tags, over those by its name and those of all."""
        return own.over(self.rules_of(repository)).over(self.rules)

    @cached_property
    def _rules_by_name(self) -> RulesByName:
        return RulesByName(self.repository_rules or ())

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """The channels that are on."""
        return tuple(name for name in CHANNELS if getattr(self, f"by_{name}"))

    @property
    def notify_mode(self) -> str:
        """After which scans people are notified.

        :raises SettingError: where it needs a history and there is none to say what is new.
        """
        if error := self._mode_needs():
            raise error
        return self.wanted_mode or (EVERY_SCAN if self.history_table_name is None else NEW_FINDINGS)

    @property
    def report_images(self) -> str:
        """Of which images people are notified.

        :raises SettingError: where it needs a history and there is none to know the newest by.
        """
        if error := self._images_need():
            raise error
        return self.wanted_images or (ALL if self.history_table_name is None else CURRENT)

    @property
    def collects_news(self) -> bool:
        """Whether news is collected for a while, to be reported together."""
        return (
            self.history_table_name is not None
            and self.window > 0
            and self.notify_mode != EVERY_SCAN
        )

    @property
    def in_use_only(self) -> bool:
        """Whether only images in use are scanned.

        :raises SettingError: where nothing would be known to be in use.
        """
        if error := self._scope_needs():
            raise error
        return self.only_in_use

    @property
    def scan_regions(self) -> tuple[str | None, ...]:
        """The regions that are covered; None is the functions' own."""
        return self.scanned_regions or (None,)

    @cached_property
    def scan_roles(self) -> tuple[Role, ...]:
        """The roles of the accounts whose registries are covered."""
        return _roles(self.scan_accounts, self.scan_external_id)

    @cached_property
    def ecs_discovery_roles(self) -> tuple[Role, ...]:
        """The roles of the accounts whose workloads are asked."""
        return _roles(self.discovery_accounts, self.discovery_external_id)

    @property
    def pace(self) -> int | None:
        """How many scans may start a second in a registry; None where nothing limits that."""
        if self.scans_per_second is None and self.daily_scan_budget is not None:
            return BUDGETED_SCANS_PER_SECOND
        return self.scans_per_second

    @property
    def scanner_pace(self) -> float | None:
        """How many scans one scanner may start a second; None where nothing limits that.

        With a budget one job follows another on a time line, and each has the pace: so it is five
        times as much where five come at once, as after a redrive. Without one, several scanners
        share the pace.
        """
        if self.pace is None or self.daily_scan_budget is not None:
            return self.pace
        return self.pace / SCANNERS_AT_ONCE

    @property
    def registries(self) -> tuple[RegistryAddress, ...]:
        """The registries to review: the own account's and each role's, in each region."""
        accounts = (None, *(role.account for role in self.scan_roles))
        return tuple(
            RegistryAddress(account, region) for account in accounts for region in self.scan_regions
        )

    @property
    def jobs_queue_name(self) -> str:
        """The name at the end of the queue's URL, by which the scanner's trigger is deployed."""
        url = self._environ.get(Settings.jobs_queue_url.variable, "")
        match = re.search("([A-Za-z0-9_-]{1,80})/?$", url)
        return match[1] if match else DEFAULT_JOBS_QUEUE_NAME

    def require_jobs_queue_url(self) -> str:
        """The jobs queue's URL; :raises SettingError: when it is not set."""
        return self._required(Settings.jobs_queue_url)

    def require_chat_topic_arn(self) -> str:
        """The chat topic's ARN; :raises SettingError: when it is not set."""
        return self._required(Settings.chat_topic_arn)

    def require_report_bucket_name(self) -> str:
        """The report bucket's name; :raises SettingError: when it is not set."""
        return self._required(Settings.report_bucket_name)

    def require_report_topic_arn(self) -> str:
        """The report topic's ARN; :raises SettingError: when it is not set."""
        return self._required(Settings.report_topic_arn)

    def _required(self, setting: Setting[str | None]) -> str:
        value: str | None = self.value_of(setting)
        if value is None:
            raise SettingError(setting.variable, None, setting.kind.accepted)
        return value

    def _error(self, setting: Setting[Any]) -> SettingError | None:
        try:
            self.checked_value_of(setting)
        except SettingError as error:
            return error
        return None

    def _mode_needs(self) -> SettingError | None:
        if self.wanted_mode in (None, EVERY_SCAN) or self.history_table_name is not None:
            return None
        accepted = f"{EVERY_SCAN} without a HISTORY_TABLE_NAME"
        return SettingError("NOTIFY_MODE", self.wanted_mode, accepted)

    def _images_need(self) -> SettingError | None:
        if self.wanted_images != CURRENT or self.history_table_name is not None:
            return None
        accepted = f"{ALL} without a HISTORY_TABLE_NAME"
        return SettingError("REPORT_IMAGES", self.wanted_images, accepted)

    def _mirror_needs(self) -> SettingError | None:
        """Security Hub gets what is open in current images, which the history knows."""
        if not self.by_security_hub or self.history_table_name is not None:
            return None
        accepted = "true only with a HISTORY_TABLE_NAME"
        return SettingError("NOTIFY_BY_SECURITY_HUB", "true", accepted)

    def _scope_needs(self) -> SettingError | None:
        if not self.only_in_use or self.ecs_discovery:
            return None
        return SettingError("SCAN_IN_USE_ONLY", "true", "true only with ECS_DISCOVERY_ENABLED=true")


def _roles(roles: tuple[Role, ...] | None, external_id: str | None) -> tuple[Role, ...]:
    return tuple(Role(role.arn, role.external_id or external_id) for role in roles or ())
