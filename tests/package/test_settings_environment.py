"""Settings from the environment: where they count, and that what is secret is written nowhere."""

import pytest
import yaml

from evoskeleton.commands.serve import _settings
from evoskeleton.errors import BadInput
from evoskeleton.platform.record.mlflow_run import flatten, public_settings
from evoskeleton.platform.search.campaign.settings import read_settings, write_settings
from evoskeleton.settings_environment import from_environment

NAMES = ("machine", "storage_options", "home")


def test_two_underscores_go_into_a_group_and_other_variables_are_left_alone():
    there = {
        "EVOSKELETON_MACHINE__WORKERS": "4",
        "EVOSKELETON_HOME": "/data/campaigns",
        "EVOSKELETON_STORAGE_OPTIONS__AWS_REGION": "12",
        "EVOSKELETON_CACHE": "/cache",
        "MACHINE__WORKERS": "5",
    }
    assert from_environment("EVOSKELETON_", NAMES, there) == {
        "machine": {"workers": 4},
        "home": "/data/campaigns",
        "storage_options": {"AWS_REGION": "12"},
    }


def test_a_secret_comes_from_a_file(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("0123\n")
    name = "EVOSKELETON_STORAGE_OPTIONS__AWS_SECRET_ACCESS_KEY"
    found = from_environment("EVOSKELETON_", NAMES, {f"{name}_FILE": str(secret)})
    assert found == {"storage_options": {"AWS_SECRET_ACCESS_KEY": "0123"}}
    with pytest.raises(BadInput, match=f"{name} and {name}_FILE say the same"):
        from_environment("EVOSKELETON_", NAMES, {name: "a", f"{name}_FILE": str(secret)})
    with pytest.raises(BadInput, match=f"{name}_FILE: /gone: No such file"):
        from_environment("EVOSKELETON_", NAMES, {f"{name}_FILE": "/gone"})


def test_it_counts_above_the_file_and_below_set_and_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "settings.yaml"
    motion = {"seed": {"kind": "parquet", "path": "poses.parquet"}}
    path.write_text(yaml.safe_dump({"motion": motion, "machine": {"workers": 2, "scorers": 3}}))
    monkeypatch.setenv("EVOSKELETON_MACHINE__WORKERS", "4")
    monkeypatch.setenv("EVOSKELETON_STORAGE_OPTIONS__AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("EVOSKELETON_TRACKING__URI", "postgresql://me:hidden@host/mlflow")
    settings = read_settings(path)
    assert (settings.machine.workers, settings.machine.scorers) == (4, 3)
    assert read_settings(path, ["machine.workers=5"]).machine.workers == 5
    assert settings.storage_options == {"AWS_SECRET_ACCESS_KEY": "hidden"}
    assert "hidden" not in write_settings(settings)
    plain = settings.model_dump(mode="json")
    assert "hidden" not in f"{flatten(plain)} {public_settings(plain)}"
    path.write_text(write_settings(settings))
    assert read_settings(path) == settings
    monkeypatch.setenv("EVOSKELETON_MACHINE__WORKRES", "4")
    with pytest.raises(BadInput, match="unknown setting machine.workres; did you mean"):
        read_settings(path)


def test_serve_takes_all_of_its_settings_from_there(tmp_path, monkeypatch):
    url = tmp_path / "url"
    url.write_text("postgresql://me:hidden@host/annotations\n")
    monkeypatch.setenv("EVOSKELETON_SERVE__ANNOTATIONS", str(tmp_path))
    monkeypatch.setenv("EVOSKELETON_SERVE__ANNOTATIONS_URL_FILE", str(url))
    monkeypatch.setenv("EVOSKELETON_SERVE__MOST_POSES", "7")
    monkeypatch.setenv("EVOSKELETON_SERVE__ADDRESS", "127.0.0.1:1")
    settings = _settings({"address": "127.0.0.1:2", "annotations_url": None}, [])
    assert settings.annotations_url == "postgresql://me:hidden@host/annotations"
    assert (settings.address, settings.most_poses) == ("127.0.0.1:2", 7)
    assert _settings({}, ["most_poses=8"]).most_poses == 8
