"""How the application starts: with the settings of its environment, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.runtime import logs
from chalicelib.services import Services, log_wrong
from chalicelib.settings.settings import SettingError, Settings
from chalicelib.settings.sources import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib.settings.rows import Setting
    from chalicelib.settings.sources import Source


def start(environ: Mapping[str, str]) -> Services:
    """The services of an application that starts with these variables.

    What is wrong with a setting stops what uses it and nothing else, so it is logged here.

    :raises ValueError: and others, for it, where Chalice's command line loads the application:
        nothing that is wrong is packaged or deployed.
    """
    settings = Settings.from_environment(environ)
    logs.configure(settings.log_level)
    services = Services(settings)
    errors = [*_errors_in_shipped_documents(services), *services.settings.errors()]
    if errors and "AWS_CHALICE_CLI_MODE" in environ:
        raise errors[0]
    log_wrong(errors)
    return services


def _errors_in_shipped_documents(services: Services) -> Iterator[Exception]:
    """Read the documents that ship with the code, so that what is wrong with them shows at once."""
    reads: Mapping[Setting[Source | None], Callable[[], Any]] = {
        Settings.configuration: services.read_configuration,
        Settings.accepted_risks: lambda: services.accepted_risks,
    }
    for setting, read in reads.items():
        if _is_shipped(setting, services.settings) and (error := _error_of(read)):
            yield error


def _is_shipped(setting: Setting[Source | None], settings: Settings) -> bool:
    try:
        return isinstance(settings.value_of(setting), FileSource)
    except SettingError:
        return False  # which is one of the settings' own errors


def _error_of(read: Callable[[], Any]) -> Exception | None:
    from chalicelib.settings.documents import DocumentNotRead

    try:
        read()
    except (DocumentNotRead, ValueError) as error:
        return error
    return None
