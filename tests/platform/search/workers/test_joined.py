"""A cluster that is joined is looked at before anything of a campaign is written."""

import os
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest
import ray

import evoskeleton
from evoskeleton.errors import BadInput
from evoskeleton.platform.search.workers.cluster import cluster
from evoskeleton.platform.search.workers.deploy_check import check
from evoskeleton.platform.search.workers.joined.head import identity, is_refused
from evoskeleton.platform.search.workers.joined.joining import expect_answer
from evoskeleton.platform.search.workers.joined.losses import Losses
from evoskeleton.platform.search.workers.joined.room import divide, needs, packed, without_room
from evoskeleton.platform.search.workers.machine import MachineSettings


def node(cpus: float, gpus: float = 0.0, **labels: str) -> dict:
    return {"Resources": {"CPU": cpus, "GPU": gpus}, "Labels": labels}


def lacking(nodes: list[dict], shards: int = 1, **asked: object) -> str | None:
    machine = MachineSettings.parse({"address": "auto", **asked})
    there = {name: sum(one["Resources"][name] for one in nodes) for name in ("CPU", "GPU")}
    found = without_room(needs(divide(machine, 4, there), shards), nodes)
    return None if found is None else str(found)


def test_room_is_looked_for_node_by_node():
    assert lacking([node(1.3)]) is None
    assert lacking([node(0.7), node(0.7)]) == "a training of 1 processors"
    assert lacking([node(0.7), node(0.7)], shards=2) is None
    assert lacking([node(4)], scorer_gpus=1) == "a scorer of 0.2 processors and 1 GPUs"
    assert lacking([node(0.0)]) is not None, "a head alone; its nodes are to come"
    wanted = {"trainer_labels": {"group": "steady"}}
    assert lacking([node(4, group="spot")], **wanted).endswith("on nodes with group: steady")
    assert lacking([node(4, group="spot"), node(1, group="steady")], **wanted) is None
    assert lacking([node(4)], worker_labels={"group": "!spot"}) is None, "for Ray to tell"


def test_workers_find_a_place_on_a_node_beside_a_training():
    machine = MachineSettings.parse({"address": "auto", "worker_cpus": 0.7, "trainer_cpus": 0.5})
    nodes = [node(1.0), node(1.0), node(1.0)]
    there = divide(machine, 4, {"CPU": 3.0})
    assert there.workers == 3, "as if they were one machine's"
    assert packed(there, 1, nodes).workers == 2
    assert packed(there, 1, [node(3.0)]).workers == 3
    assert packed(there, 1, [node(0.2)]).workers == 1, "who waits for a node"


def test_a_cluster_with_several_gpus_has_a_scorer_on_each_and_room_for_a_training():
    nodes = [node(8, 2), node(8, 2)]
    there = divide(MachineSettings(address="auto"), 4, {"CPU": 16.0, "GPU": 4.0})
    assert there.scorers == 4 and there.scorer["num_gpus"] > 0.5
    assert without_room(needs(there, 1), nodes) is None
    assert divide(MachineSettings(), 4, {"CPU": 16.0, "GPU": 4.0}).scorers == 1


def test_a_head_is_known_by_a_word_of_its_own_as_long_as_it_runs(ray_address):
    assert identity(ray_address) == identity(ray_address) is not None
    assert identity("127.0.0.1:1") is None


def test_a_head_that_has_ended_is_told_from_one_that_does_not_answer(ray_address):
    assert is_refused("127.0.0.1:1")
    assert not is_refused(ray_address)
    with socket.socket() as silent:  # its queue is full: what comes in is dropped
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        address = silent.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            assert not is_refused(f"127.0.0.1:{address[1]}")
        finally:
            for each in waiting:
                each.close()


def test_nobody_at_an_address_is_told_in_time():
    started = time.monotonic()
    with pytest.raises(BadInput, match="no Ray cluster answers at 127.0.0.1:1: .*refused"):
        expect_answer("127.0.0.1:1", 1.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(BadInput, match="what listens there is no head of a Ray cluster"),
    ):
        expect_answer(f"127.0.0.1:{other.getsockname()[1]}", 1.0)
    assert time.monotonic() - started < 60, "Ray waits a quarter of an hour"


@pytest.mark.parametrize(
    "address, sentence",
    [("ray://head:10001", "within the cluster, not through ray://"), ("head", "host:port")],
)
def test_addresses_that_cannot_work_are_refused(address, sentence):
    with pytest.raises(BadInput, match=sentence):
        MachineSettings.parse({"address": address})


def test_what_a_cluster_cannot_give_is_refused_once_it_was_waited_for(ray_address):
    asked = MachineSettings(address=ray_address, scorer_gpus=1, wait_seconds=1)
    sentence = (
        f"a scorer of 0.2 processors and 1 GPUs finds no room on the cluster at {ray_address}"
    )
    with pytest.raises(BadInput, match=sentence), cluster(asked, islands=2):
        pass


def test_a_lost_actor_is_told_in_one_line(ray_address):
    sentences: list[str] = []
    with cluster(MachineSettings(address=ray_address), islands=1):
        actor = ray.remote(num_cpus=0.1, max_restarts=-1, max_task_retries=-1)(Mortal).remote()
        losses = Losses(sentences.append)
        losses.look_after("worker", [actor])
        assert losses.gathered([actor.pid.remote()]) and sentences == []
        actor.die.options(max_task_retries=0).remote()
        assert losses.gathered([actor.pid.remote()])
        losses.look()
    assert len(sentences) == 1 and "was lost: it is made again, and no row changes" in sentences[0]


class Mortal:
    def pid(self) -> int:
        return os.getpid()

    def die(self) -> None:
        os._exit(1)


@pytest.mark.long
def test_nodes_with_other_code_or_without_the_home_are_named(ray_cluster, tmp_path, monkeypatch):
    """A node whose processes import a copy of the package that is one line longer."""
    package = Path(evoskeleton.__file__).parent
    shutil.copytree(package, tmp_path / "other" / "evoskeleton", symlinks=False)
    (tmp_path / "other" / "evoskeleton" / "errors.py").open("a").write("# more\n")
    address = ray_cluster.address
    path = os.pathsep.join([str(tmp_path / "other"), os.environ.get("PYTHONPATH", "")])
    node = ray_cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path})
    try:
        checked = check(MachineSettings(address=address), tmp_path / "home")
    finally:
        ray_cluster.remove_node(node)
    problems = [node.problem for node in checked.nodes]
    assert None in problems and not checked.fit
    assert any("has other code of evoskeleton" in (problem or "") for problem in problems)
    assert list((tmp_path / "home").iterdir()) == [], "nothing stays"
    assert all(node.sight is None or node.sight.sees_lock for node in checked.nodes)
    assert sys.version.startswith(checked.driver.versions["Python"])
