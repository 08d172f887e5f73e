"""The environment of what runs here without an AWS account: nothing of the user's is in it.

A shell may hold a profile, an endpoint or a setting of this application, and the user's AWS
configuration file an endpoint too. The demo, the tests and the packaging see none of these.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from chalicelib.settings.table import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIXES = ("AWS_", "PYTHON")

# Else the SDK reads those of the user's home. Source: AWS SDKs and Tools Reference Guide,
# "Location of the shared config and credentials files".
_NO_FILES = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)


def isolated(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without what AWS's SDK, the application and Python read from it."""
    settings = {row.variable for row in ROWS}
    kept = {
        name: value
        for name, value in environ.items()
        if name not in settings and not name.startswith(_PREFIXES)
    }
    return kept | _NO_FILES


@contextmanager
def isolated_environment(**variables: str) -> Iterator[None]:
    """Have this process's environment isolated meanwhile, with these variables set."""
    with patch.dict(os.environ, isolated(os.environ) | variables, clear=True):
        yield
