"""Processes that are killed while they work."""

import os
import signal
import subprocess


def killed_after(process: subprocess.Popen, seconds: float) -> bool:
    """Kill -9 a process after so long; whether that was needed, or it had ended well before."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == 0
    return False
