"""compose.yaml: rules of every service, secrets made by the script, the endpoint run with them."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from evoskeleton.cli import app

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
KNOWN = {
    *("image", "user", "read_only", "cap_drop", "security_opt", "tmpfs", "restart", "command"),
    *("stop_grace_period", "networks", "environment", "secrets", "volumes", "deploy"),
    *("healthcheck", "ports", "depends_on", "profiles", "shm_size"),
}
OURS = [name for name, service in SERVICES.items() if "evoskeleton:" in service["image"]]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_closed_limited_and_watched(name):
    service = SERVICES[name]
    assert set(service) <= KNOWN
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    if service["restart"] == "no":  # it ends at once, and what waits for it waits for its end
        assert service["command"] == ["true"]
    else:
        assert set(service["healthcheck"]) >= {"test", "interval", "timeout", "retries"}
    assert service["stop_grace_period"] == "45s"
    assert not service["image"].endswith("latest") and ":" in service["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_services_name_is_there(name):
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    volumes = [volume for volume in service["volumes"] if isinstance(volume, str)]
    assert {volume.split(":")[0] for volume in volumes} <= set(COMPOSE["volumes"])
    for bound in (volume for volume in service["volumes"] if isinstance(volume, dict)):
        assert bound["type"] == "bind" and bound["read_only"] is True
        assert (FOLDER / re.sub(r"\$\{\w+:-(.*)\}", r"\1", bound["source"])).is_file()
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    for secret in re.findall(r"/run/secrets/([\w-]+)", json.dumps(service)):
        assert secret in service["secrets"], secret


def test_files_come_in_ways_that_docker_and_podman_have():
    """Docker refuses `configs` with `content` where the root is read-only; podman-compose has none.

    Podman refuses the user and the group of a tmpfs.
    """
    assert "configs" not in COMPOSE
    for service in SERVICES.values():
        assert not [each for each in service["tmpfs"] if "id=" in each]


def test_the_volume_of_the_store_is_its_users():
    """Docker gives a new volume the owner of the folder below, in whichever container is first."""
    first, store = SERVICES["store-volume"], SERVICES["store"]
    assert first["image"] == SERVICES["mlflow"]["image"] and first["user"] == store["user"]
    assert first["volumes"] == ["store:/data"]  # the image's user owns it
    assert store["volumes"] == ["store:/store"]  # a folder that the store's image has not
    assert store["depends_on"] == {"store-volume": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", ["campaign", "worker"])
def test_rays_object_store_finds_room_in_shared_memory(name):
    service = SERVICES[name]
    assert service["shm_size"] == service["deploy"]["resources"]["limits"]["memory"]


def test_only_the_endpoint_is_open_to_others_and_no_secret_is_written_down():
    for name, service in SERVICES.items():
        ports = [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")]
        assert not ports or name == "endpoint"
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|URL|KEY", variable):
                assert str(value).startswith("/run/secrets/") or value == "token", variable
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_commands_of_services_are_those_of_the_program():
    import typer

    root = typer.main.get_command(app)
    for name in ("endpoint", "campaign"):
        words = " ".join(SERVICES[name]["command"]).split()
        words = words[words.index("evoskeleton") + 1 :]
        command = root.commands[words[0]]
        if words[0] == "campaign":
            command = command.commands[words[1]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_settings_of_the_campaign_can_be_read():
    from evoskeleton.platform.search.campaign.settings import read_settings

    assert read_settings(FOLDER / "campaign.yaml").home == "/data"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, str]:
    """The secrets, and the token that was told."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is absent")
    folder = tmp_path_factory.mktemp("compose")
    shutil.copy(FOLDER / "make-secrets.sh", folder)
    words = ["sh", str(folder / "make-secrets.sh"), "poses.example", "10.1.2.3"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = subprocess.run(words, capture_output=True, text=True)
    assert again.returncode == 2 and "there already" in again.stderr
    (token,) = re.findall("evo_[0-9a-f]+", done.stdout)
    return folder / "secrets", token


def test_every_secret_is_made_and_closed_to_others(made):
    folder, token = made
    assert folder.stat().st_mode & 0o777 == 0o700
    files = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert {path.name for path in folder.iterdir()} == files
    assert all(path.stat().st_size for path in folder.iterdir())
    assert not [path for path in folder.iterdir() if token in path.read_text()]
    password = (folder / "postgres-password").read_text()
    assert len(password) == 64 and password in (folder / "annotations-url").read_text()


@pytest.mark.long
def test_the_endpoint_serves_with_what_its_service_names(made, make_bundle, tmp_path):
    from evoskeleton.annotation.client import Client

    folder, token = made
    service = SERVICES["endpoint"]
    given = dict(service["environment"])
    given.pop("EVOSKELETON_SERVE__ANNOTATIONS_URL_FILE")  # a database that is not here
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given |= {
        "EVOSKELETON_SERVE__ADDRESS": f"0.0.0.0:{port}",
        "EVOSKELETON_SERVE__HTTP_ADDRESS": "0.0.0.0:0",
        "EVOSKELETON_SERVE__METRICS_ADDRESS": "127.0.0.1:0",
        "EVOSKELETON_SERVE__ANNOTATIONS": str(tmp_path),
    }
    names = {name: folder / Path(each["file"]).name for name, each in COMPOSE["secrets"].items()}
    for variable, value in given.items():
        if value.startswith("/run/secrets/"):
            given[variable] = str(names[value.removeprefix("/run/secrets/")])
    surroundings = os.environ | given
    serve = [sys.executable, "-m", "evoskeleton.cli", "serve"]
    words = [*serve, "--bundle", str(make_bundle()), "--no-detector"]
    process = subprocess.Popen(words, env=surroundings, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + 60
        while subprocess.run([*serve, "--check"], env=surroundings, capture_output=True).returncode:
            assert time.monotonic() < ends and process.poll() is None
        with Client(f"localhost:{port}", token, certificates=folder / "endpoint.pem") as client:
            assert client.served().model.name == "bundle"
    finally:
        process.terminate()
        assert process.wait(60) == 0
