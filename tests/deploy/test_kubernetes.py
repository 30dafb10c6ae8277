"""Every overlay builds, and a server would take every object; rules of our own over all of them."""

import copy
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml

pytest.importorskip(
    "kubernetes", reason="the client of Kubernetes, which knows its fields, is absent"
)

from kubernetes_objects import errors, errors_by_crd, pods

from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.cli import app
from evoskeleton.settings_environment import from_environment

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (FOLDER / "overlays").iterdir())
COMPONENTS = sorted(path.name for path in (FOLDER / "components").iterdir())
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def built(folder: Path) -> tuple[dict, ...]:
    """The objects of a kustomization, by kubectl or by kustomize itself."""
    if program := shutil.which("kustomize"):
        words = [program, "build"]
    elif program := shutil.which("kubectl"):
        words = [program, "kustomize"]
    else:
        pytest.skip("kubectl, which builds the overlays, is absent")
    done = subprocess.run([*words, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.load_all(done.stdout, Loader))


@pytest.fixture(scope="module", params=[*OVERLAYS, "all components"])
def objects(request, tmp_path_factory) -> tuple[dict, ...]:
    if request.param in OVERLAYS:
        return built(FOLDER / "overlays" / request.param)
    copied = tmp_path_factory.mktemp("kubernetes") / "kubernetes"
    shutil.copytree(FOLDER, copied)
    own = copied / "overlays" / "own"
    own.mkdir()
    parts = [f"../../components/{name}" for name in COMPONENTS]
    words = {"kind": "Kustomization", "resources": ["../gpu"], "components": parts}
    (own / "kustomization.yaml").write_text(yaml.safe_dump(words))
    return built(own)


def named(objects, kind: str, name: str) -> dict:
    (found,) = [
        each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def test_a_server_would_take_every_object(objects):
    assert len(objects) >= 15
    assert [error for each in objects for error in errors(each)] == []


MISSPELT = [
    ("RayJob", "campaign", "spec.shutdownAfterJobFinish", True),
    ("RayJob", "campaign", "spec.backoffLimit", "20"),
    ("RayJob", "campaign", "spec.submissionMode", "K8sJob"),
    ("RayJob", "campaign", "spec.rayClusterSpec.headGroupSpec.template.spec.volume", []),
    ("Deployment", "endpoint", "spec.template.spec.terminationGracePeriod", 45),
    ("Deployment", "endpoint", "spec.template.spec.securityContext.runAsNonRoot", "true"),
    ("HorizontalPodAutoscaler", "endpoint", "spec.minReplica", 2),
    ("NetworkPolicy", "endpoint", "spec.ingres", []),
    ("Service", "endpoint", "spec.selectors", {}),
]


@pytest.mark.parametrize(("kind", "name", "place", "value"), MISSPELT)
def test_a_misspelt_field_or_another_type_is_found(kind, name, place, value):
    object_ = copy.deepcopy(named(built(FOLDER / "overlays" / "local"), kind, name))
    *path, last = place.split(".")
    inner = object_
    for part in path:
        inner = inner[part]
    inner[last] = value
    (error,) = errors(object_)
    assert error.startswith(f"{kind}.{place}: ")


def test_what_has_to_be_there_is_missed():
    policy = copy.deepcopy(named(built(FOLDER / "overlays" / "local"), "Deployment", "mlflow"))
    del policy["spec"]["selector"]
    del policy["spec"]["template"]["spec"]["containers"][0]["name"]
    assert errors(policy) == [
        "Deployment.spec.selector: missing",
        "Deployment.spec.template.spec.containers[0].name: missing",
    ]


@pytest.mark.skipif("KUBERAY_CRDS" not in os.environ, reason="KUBERAY_CRDS names no folder of CRDs")
def test_kuberays_own_definitions_take_every_object(objects):
    paths = Path(os.environ["KUBERAY_CRDS"]).glob("*.yaml")
    known = {
        each["spec"]["names"]["kind"]: each
        for each in (yaml.load(p.read_text(), Loader) for p in paths)
    }
    checked = [each for each in objects if each["kind"] in known]
    assert checked
    for each in checked:
        assert errors_by_crd(each, copy.deepcopy(known[each["kind"]])) == []
        each = copy.deepcopy(each) | {"spec": {**each["spec"], "shutdownAfterJobFinish": True}}
        assert len(errors_by_crd(each, copy.deepcopy(known[each["kind"]]))) == 1


def test_every_pod_keeps_the_rules_of_restricted_namespaces(objects):
    found = [pod for each in objects for pod in pods(each)]
    assert len(found) >= 5
    for pod in found:
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True and context["runAsUser"] == 10001
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert own["capabilities"] == {"drop": ["ALL"]}
            resources = container["resources"]
            assert "memory" in resources["limits"] and {"cpu", "memory"} <= set(
                resources["requests"]
            )
            assert "nvidia.com/gpu" in str(resources) or "cpu" not in resources["limits"]
            writable = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert {"/tmp", "/home/evo"} <= writable
            named_ = {volume["name"] for volume in pod["volumes"]}
            assert {mount["name"] for mount in container["volumeMounts"]} <= named_


def test_everything_runs_one_image(objects):
    images = {
        container["image"]
        for each in objects
        for pod in pods(each)
        for container in pod["containers"]
    }
    (image,) = images
    assert re.fullmatch(r"evoskeleton:\d+\.\d+\.\d+(-cuda)?", image)


def test_no_secret_is_written_down(objects):
    for each in objects:
        assert each["kind"] != "Secret"
        for pod in pods(each):
            for variable in (v for c in pod["containers"] for v in c.get("env", ())):
                if re.search("PASSWORD|SECRET|TOKEN$|STORE_URI", variable["name"]):
                    assert "value" not in variable, variable


def test_the_entry_point_is_a_command_of_the_program(objects):
    command = typer.main.get_command(app).commands["campaign"].commands["run"]
    options = {option for parameter in command.params for option in parameter.opts}
    program, *words = named(objects, "RayJob", "campaign")["spec"]["entrypoint"].split()
    assert program == "evoskeleton" and words[:2] == ["campaign", "run"]
    assert {word for word in words if word.startswith("--")} <= options


def test_the_settings_reach_the_head_under_their_hashed_name(objects):
    (name,) = [each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"]
    assert re.fullmatch("campaign-settings-[a-z0-9]{10}", name)
    head = named(objects, "RayJob", "campaign")["spec"]["rayClusterSpec"]["headGroupSpec"]
    volumes = {each["name"]: each for each in head["template"]["spec"]["volumes"]}
    assert volumes["settings"]["configMap"]["name"] == name


def test_the_endpoint_has_the_time_that_its_end_takes(objects):
    pod = named(objects, "Deployment", "endpoint")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {v["name"]: v["value"] for v in container["env"] if not v["name"].endswith("_FILE")}
    fields = list(ServeSettings.model_fields)
    settings = ServeSettings.parse(from_environment("EVOSKELETON_SERVE__", fields, given))
    assert len(given) == len(from_environment("EVOSKELETON_SERVE__", fields, given))
    rest = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] >= rest + settings.drain_seconds + 10
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    addresses = settings.address, settings.http_address, settings.metrics_address
    assert [a.rpartition(":")[2] for a in addresses] == [
        ports[n] for n in ("grpc", "https", "metrics")
    ]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"


def test_services_and_policies_point_at_pods(objects):
    labels = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in objects
        if each["kind"] == "Deployment"
    ]
    selectors = [each["spec"]["selector"] for each in objects if each["kind"] == "Service"]
    assert len(selectors) >= 3
    for selector in selectors:
        assert any(selector.items() <= each.items() for each in labels)


def test_the_campaigns_settings_can_be_read():
    from evoskeleton.platform.search.campaign.settings import read_settings

    assert read_settings(FOLDER / "base" / "settings.yaml").home == "/data/campaigns"
