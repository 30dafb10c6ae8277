"""How busy a machine is, in MLflow's own names of system metrics.

https://mlflow.org/docs/latest/ml/tracking/system-metrics
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import psutil


class Load(NamedTuple):
    """One look at all machines of a campaign.

    Attributes:
        at_ms: when, since 1970.
        nodes: of each node that answered, by its number, metrics by name; the driver's is 0.
    """

    at_ms: int
    nodes: Mapping[int, Mapping[str, float]]

    def by_name(self) -> dict[str, float]:
        """As MLflow names them: of several machines, by node."""
        alone = set(self.nodes) == {0}
        return {
            f"system/{name}" if alone else f"system/node_{number}/{name}": value
            for number, node in self.nodes.items()
            for name, value in node.items()
        }


class Machine:
    """This machine; the first look counts from when this was made."""

    def __init__(self) -> None:
        psutil.cpu_percent()
        self._before = psutil.net_io_counters()

    def look(self) -> dict[str, float]:
        """What it does, on average since the last look."""
        memory, disk = psutil.virtual_memory(), psutil.disk_usage("/")
        now, before = psutil.net_io_counters(), self._before
        self._before = now
        found = {
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": round(memory.used / 1e6, 1),
            "system_memory_usage_percentage": memory.percent,
            "disk_usage_percentage": disk.percent,
            "network_receive_megabytes": round((now.bytes_recv - before.bytes_recv) / 1e6, 3),
            "network_transmit_megabytes": round((now.bytes_sent - before.bytes_sent) / 1e6, 3),
        }
        with suppress(Exception):  # no card, no driver, or no package that asks it
            found |= _graphics_cards()
        return found


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(1000 * time.time())


def _graphics_cards() -> dict[str, float]:
    """Of each NVIDIA card, where the package nvidia-ml-py is there."""
    import pynvml

    pynvml.nvmlInit()
    found: dict[str, float] = {}
    for number in range(pynvml.nvmlDeviceGetCount()):
        card = pynvml.nvmlDeviceGetHandleByIndex(number)
        memory, busy = (
            pynvml.nvmlDeviceGetMemoryInfo(card),
            pynvml.nvmlDeviceGetUtilizationRates(card),
        )
        found |= {
            f"gpu_{number}_utilization_percentage": float(busy.gpu),
            f"gpu_{number}_memory_usage_percentage": round(100.0 * memory.used / memory.total, 1),
            f"gpu_{number}_memory_usage_megabytes": round(memory.used / 1e6, 1),
        }
    return found
