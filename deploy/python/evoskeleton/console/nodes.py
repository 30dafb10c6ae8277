"""The nodes of a cluster as a table."""

from rich.table import Table

from evoskeleton.platform.search.workers.deploy_check import Checked
from evoskeleton.platform.search.workers.joined.nodes import Node, Sight


def nodes_table(checked: Checked) -> Table:
    """One line a node, the driver's own process first."""
    table = Table("node", "processors", "GPUs", "memory", "code", "home", "write", "fit")
    own = checked.driver
    table.add_row(f"{own.host}, the driver", "", "", "", own.code, *_home(own), "")
    for node in checked.nodes:
        table.add_row(*_cells(node))
    return table


def _cells(node: Node) -> list[str]:
    gpus = f"{node.gpus:g}" + (f" {node.gpu_model}" if node.gpu_model else "")
    seen = ["", "", ""] if node.sight is None else [node.sight.code, *_home(node.sight)]
    memory = f"{node.memory / 2**30:.1f} GB"
    fit = "yes" if node.problem is None else f"no: {node.problem}"
    return [node.name, f"{node.cpus:g}", gpus, memory, *seen, fit]


def _home(sight: Sight) -> list[str]:
    """Whether it is there, on what, and what it takes to write to it."""
    if not sight.sees_home:
        return ["not there", ""]
    return [sight.storage or "there", sight.trouble or f"{1000 * sight.sync_seconds:.0f} ms"]
