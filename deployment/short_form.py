"""A template in as few characters as can be: YAML on one line, with the short forms of functions.

Sources: CloudFormation user guide, "CloudFormation template format" (of YAML 1.1 it takes all but
aliases and a few tags) and "Intrinsic function reference".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

_FUNCTION = "Fn::"


def short_form(template: Mapping[str, Any]) -> str:
    """The template as YAML, which says the same as its JSON."""
    text: str = yaml.dump(
        template,
        Dumper=_Dumper,
        default_flow_style=True,
        width=float("inf"),
        sort_keys=False,
        allow_unicode=True,
    )
    return text


class _Dumper(yaml.SafeDumper):
    """YAML without references of its own, which CloudFormation does not take."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _mapping(dumper: _Dumper, value: Mapping[str, Any]) -> yaml.Node:
    if len(value) == 1:
        [(name, argument)] = value.items()
        if name == "Ref":
            return dumper.represent_scalar("!Ref", argument)
        if name == "Fn::GetAtt":
            return dumper.represent_scalar("!GetAtt", ".".join(argument))
        if name.startswith(_FUNCTION):
            tag = f"!{name.removeprefix(_FUNCTION)}"
            if isinstance(argument, str):
                return dumper.represent_scalar(tag, argument)
            return dumper.represent_sequence(tag, argument)
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items())


_Dumper.add_representer(dict, _mapping)
