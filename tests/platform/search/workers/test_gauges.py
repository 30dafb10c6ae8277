"""A campaign among the metrics of its Ray cluster, read where Ray exports them."""

import time
import urllib.request

import pytest


@pytest.mark.long
def test_a_campaigns_numbers_are_among_those_of_ray(ray_address):
    absent = "the extra `cluster`, with which Ray exports metrics, is absent"
    pytest.importorskip("opentelemetry.exporter.prometheus", reason=absent)
    import ray

    from evoskeleton.platform.search.workers.gauges import CampaignGauges

    ray.init(address=ray_address, log_to_driver=False)
    try:
        _expect_gauges(ray, CampaignGauges("mine"))
    finally:
        ray.shutdown()


def _expect_gauges(ray, gauges):
    record = {"generation": 3, "rows": 70, "champion": 1, "error_mean": float("nan")}
    gauges.training("training-1", 5, 10)
    wanted = {
        "ray_evoskeleton_campaign_rows{": 70.0,
        "ray_evoskeleton_campaign_generation{": 3.0,
        "ray_evoskeleton_campaign_champion{": 1.0,
        "ray_evoskeleton_campaign_waits_for_training{": 0.0,
    }
    (node,) = ray.nodes()
    page = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    ends = time.monotonic() + 120
    found: dict[str, float] = {}
    while found != wanted:
        assert time.monotonic() < ends, found
        gauges.generation(3, 8, record)
        time.sleep(1.0)
        lines = urllib.request.urlopen(page, timeout=30).read().decode().splitlines()
        assert not [line for line in lines if line.startswith("ray_evoskeleton_campaign_error")]
        found = {
            name: float(line.rsplit(" ", 1)[1])
            for name in wanted
            for line in lines
            if line.startswith(name) and 'campaign="mine"' in line
        }
