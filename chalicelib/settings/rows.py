"""One row a setting: what everything else about it is made from.

The settings' values, the parameters of the template with their groups and labels, the functions'
environment, the reference in the documentation and the schema of the configuration file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypedDict, Unpack

    from chalicelib.settings.kinds import Kind

    class About(TypedDict, total=False):
        """What a row says beside its kind, variable and default: see :class:`Setting`."""

        key: str
        parameter: str
        label: str
        description: str
        by_deployment: bool
        permissions: tuple[str, ...]
        resource: str
        condition: str
        otherwise: str
        used_at_start: bool
        example: str


Value = TypeVar("Value")
Other = TypeVar("Other")


class SettingError(ValueError):
    """A setting that is missing or wrong: names the variable, its value and what is accepted."""

    def __init__(self, variable: str, value: str | None, accepted: str) -> None:
        found = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"{variable} {found}; accepted: {accepted}")


class Setting(Generic[Value]):
    """A setting: a row of the table, and an attribute of the settings with its parsed value.

    Without a ``default`` the value is None where nothing is set, which an empty text means.

    ``key`` is where the setting is in a configuration file, empty where it cannot be there at all.
    ``by_deployment`` is whether only the deployment can act on it, by schedules, resources or
    permissions, so that a configuration file must not hold it; ``permissions`` names those that it
    brings (see ``deployment/permissions.py``). ``parameter`` is the template's, if there is one;
    ``resource`` the one of the template that it names, where ``condition`` holds, and ``otherwise``
    the parameter that names another. One that is
    ``used_at_start`` falls back to its default where it is wrong, so that the functions start.
    ``example`` is a value that is not the default.
    """

    @overload
    def __init__(
        self: Setting[Other],
        kind: Kind[Other],
        variable: str,
        *,
        default: str,
        **about: Unpack[About],
    ) -> None: ...
    @overload
    def __init__(
        self: Setting[Other | None], kind: Kind[Other], variable: str, **about: Unpack[About]
    ) -> None: ...
    def __init__(
        self, kind: Kind[Any], variable: str, *, default: str = "", **about: Unpack[About]
    ) -> None:
        self.kind = kind
        self.variable = variable
        self.default = default
        self.key = about.get("key", "")
        self.parameter = about.get("parameter", "")
        self.label = about.get("label", "")
        self.description = about["description"]
        self.by_deployment = about.get("by_deployment", False)
        self.permissions = about.get("permissions", ())
        self.resource = about.get("resource", "")
        self.condition = about.get("condition", "")
        self.otherwise = about.get("otherwise", "")
        self.used_at_start = about.get("used_at_start", False)
        self.example = about["example"]
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[Value]: ...
    @overload
    def __get__(self, instance: Values, owner: type) -> Value: ...
    def __get__(self, instance: Values | None, owner: type) -> Setting[Value] | Value:
        if instance is None:
            return self
        # Found there from now on, for this is no data descriptor.
        value: Value = instance.__dict__.setdefault(self.name, instance.value_of(self))
        return value

    def parse(self, text: str) -> Value:
        """The value that a text says; :raises SettingError: when it is not accepted."""
        try:
            value: Value = self.kind.parse(text)
        except ValueError as error:
            raise SettingError(self.variable, text, self.kind.accepted) from error
        return value

    @property
    def parsed_default(self) -> Any:
        """The value where nothing is set."""
        return self.parse(self.default) if self.default else None


class Values:
    """Values of settings, each of which is parsed when it is first used.

    So a wrong one stops only what uses it. A variable that is set wins over a configuration file,
    whose values, by variable, are parsed already; an empty variable is not set.
    """

    def __init__(
        self, environ: Mapping[str, str], configured: Mapping[str, Any] | None = None
    ) -> None:
        self._environ = environ
        self._configured = configured or {}

    def is_set(self, setting: Setting[Any]) -> bool:
        """Whether the setting's variable is set, to anything but nothing."""
        return bool(self._environ.get(setting.variable))

    def is_configured(self, setting: Setting[Any]) -> bool:
        """Whether the setting is in the configuration file."""
        return setting.variable in self._configured

    def value_of(self, setting: Setting[Any]) -> Any:
        """The value of a setting; :raises SettingError: when it is wrong and does not fall back."""
        try:
            return self.checked_value_of(setting)
        except SettingError:
            if not setting.used_at_start:
                raise
            return setting.parsed_default

    def checked_value_of(self, setting: Setting[Any]) -> Any:
        """The value of a setting; :raises SettingError: when it is wrong."""
        if self.is_set(setting):
            return setting.parse(self._environ[setting.variable])
        if self.is_configured(setting):
            return self._configured[setting.variable]
        return setting.parsed_default
