"""The reference of settings as tables of a terminal, as plain lines, as Markdown, as JSON."""

import re
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from evoskeleton.settings_reference import Group, Setting

_HEADINGS = ("setting", "value", "default", "what it does")


def tables(groups: Sequence[Group]) -> list[Table]:
    """A table a group."""
    return [_table(group, _repeated(group, groups)) for group in groups]


def _table(group: Group, repeated: str | None) -> Table:
    table = Table(title=_heading(group), title_justify="left", expand=True)
    for heading, ratio in zip(_HEADINGS, (5, 4, 3, 7), strict=True):
        table.add_column(heading, ratio=ratio, overflow="fold")
    if repeated:
        table.add_row("", "", "", f"as {repeated}")
        return table
    for setting in group.settings:
        table.add_row(*_cells(setting))
    return table


def plain(groups: Sequence[Group]) -> str:
    """A line a setting, its columns aligned, below the heading of its group."""
    shown = [group for group in groups if not _repeated(group, groups)]
    rows = [_cells(setting) for group in shown for setting in group.settings]
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    parts = []
    for group in groups:
        parts.append(_heading(group))
        if repeated := _repeated(group, groups):
            parts.append(f"  as {repeated}")
        else:
            parts += [_line(_cells(setting), widths) for setting in group.settings]
        parts.append("")
    return "\n".join(parts)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    *aligned, last = cells
    padded = [cell.ljust(width) for cell, width in zip(aligned, widths, strict=True)]
    return "  " + "  ".join([*padded, last])


def markdown(groups: Sequence[Group]) -> str:
    """A section a group."""
    parts = []
    for group in groups:
        if group.name:
            parts.append(f"### `{group.name}`\n")
        parts.append(f"{group.title}\n")
        if repeated := _repeated(group, groups):
            parts.append(f"The same settings as `{repeated}`.\n")
            continue
        parts.append("| " + " | ".join(_HEADINGS) + " |\n|---|---|---|---|")
        parts += [_markdown_row(setting) for setting in group.settings]
        parts.append("")
    return "\n".join(parts)


def _markdown_row(setting: Setting) -> str:
    name, value, default, description = (
        cell.replace("|", "\\|").replace("<", "&lt;") for cell in _cells(setting)
    )
    value = re.sub(r" as (\^\S+\$)", r" as `\1`", value)
    default = f"`{default}`" if default and default != "required" else default
    return f"| `{name}` | {value} | {default} | {description} |".replace("  ", " ")


def data(groups: Sequence[Group]) -> list[dict[str, str]]:
    """Every setting of every group, for JSON."""
    return [asdict(setting) for group in groups for setting in group.settings]


def _repeated(group: Group, groups: Sequence[Group]) -> str | None:
    """The group among those shown that has the same settings."""
    return group.same_as if any(group.same_as == other.name for other in groups) else None


def _heading(group: Group) -> str:
    return f"{group.name}: {group.title}" if group.name else group.title


def _cells(setting: Setting) -> tuple[str, str, str, str]:
    value = f"{setting.type}, {setting.allowed}" if setting.allowed else setting.type
    return setting.name, value, setting.default, setting.description
