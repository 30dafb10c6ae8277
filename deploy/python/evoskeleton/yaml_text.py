"""YAML of settings, in which a text stays the text that was written.

YAML 1.1 takes 02_01 for the octal number 129, 1:30 for 90, no for false and 2024-05-01 for a date;
names of clips and subjects look like all of these. Here a number is what JSON calls one, true and
false are the only truth values, and everything else is text, which settings of another kind read
as what they want.
"""

import re
from typing import Any

import yaml

from evoskeleton.errors import BadInput


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with fewer things that a plain word may stand for."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A group that names each setting once; of two, the last would win without a word."""
        seen: dict[str, int] = {}
        for name, _ in node.value:
            line = name.start_mark.line + 1
            if isinstance(name, yaml.ScalarNode) and name.tag != "tag:yaml.org,2002:merge":
                if name.value in seen:
                    raise BadInput(
                        f"setting {name.value} is there twice, in line {seen[name.value]} and in "
                        f"line {line}"
                    )
                seen[name.value] = line
        return super().construct_mapping(node, deep)


_WORDS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
)
for _kind, _pattern, _first in _WORDS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), _first
    )


def load_yaml(text: str) -> Any:
    """Plain data of a YAML text.

    Raises:
        yaml.YAMLError: it is none.
        BadInput: a group names a setting twice.
    """
    return yaml.load(text, _Loader)  # noqa: S506 (a safe loader)
