"""The table of settings: one row each, in groups.

To add a setting: its row here, its use, and its test. ``python -m deployment generate`` then writes
what is made from it.
"""

from typing import Any

from chalicelib.settings.rows import Setting
from chalicelib.settings.table.feeds import Exploited
from chalicelib.settings.table.operation import ConfigurationFile, Operation, Pace, Resources
from chalicelib.settings.table.reporting import Channels, Digest, Reporting
from chalicelib.settings.table.scanning import Images, ImagesInUse, Registries, Scanning


class Table(
    Scanning,
    Images,
    Registries,
    ImagesInUse,
    Reporting,
    Channels,
    Digest,
    Exploited,
    Pace,
    Operation,
    ConfigurationFile,
    Resources,
):
    """Every setting, as an attribute with its parsed value."""


GROUPS: tuple[type, ...] = Table.__bases__
"""The groups in the order in which they are shown; one's label is its text."""


def label_of(group: type) -> str:
    """What people know a group of settings by."""
    return (group.__doc__ or "").rstrip(".")


def rows_of(group: type) -> list[Setting[Any]]:
    """The settings of a group, in order."""
    return [row for row in vars(group).values() if isinstance(row, Setting)]


ROWS: tuple[Setting[Any], ...] = tuple(row for group in GROUPS for row in rows_of(group))
