"""What a campaign says where nobody has a terminal."""

import io
import json
import math

import numpy as np

from evoskeleton.commands.options import monitor_of_campaign
from evoskeleton.console.log_lines import LogLines


def lines(said: io.StringIO) -> list[dict]:
    return [json.loads(line, parse_constant=pytest_fails) for line in said.getvalue().splitlines()]


def pytest_fails(constant: str):
    raise AssertionError(f"{constant} is no JSON")


def test_a_generation_is_a_line_of_json():
    said = io.StringIO()
    with LogLines(said) as monitor:
        monitor.starting()
        monitor.training("training-0", 0, 0)
        monitor.training("training-0", 5, 10)
        monitor.training("training-0", 10, 10)
        monitor.training("training-0", 10, 10)
        record = {"generation": 3, "rows": 70, "champion": 0, "seconds": np.float64(1.5)}
        monitor.generation(3, 8, record | {"error_mean": math.nan, "cells": 4.0})
    starting, training, trained, generation = lines(said)
    assert starting["message"] == "starting"
    assert (training["message"], training["training"]) == ("training", "training-0")
    assert trained["message"] == "trained"
    assert generation.pop("time").endswith("Z")
    waited = generation.pop("training_seconds_waited")
    assert 0.0 <= waited < 60.0
    assert generation == {
        "level": "info",
        "logger": "evoskeleton.campaign",
        "message": "generation",
        "done": 3,
        "of": 8,
        "generation": 3,
        "rows": 70,
        "champion": 0,
        "seconds": 1.5,
        "error_mean": None,
    }


def test_without_a_terminal_there_are_no_bars(capsys):
    with monitor_of_campaign() as monitor:
        monitor.generation(0, 2, {"generation": 0, "rows": 5})
    said = capsys.readouterr()
    assert said.out == "" and json.loads(said.err)["rows"] == 5
