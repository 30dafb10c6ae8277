"""A whole campaign from Python: islands on Ray, trainings beside them, a report at the end.

python docs/examples/4_run_a_campaign.py poses.parquet campaigns [ADDRESS]
"""

import sys

from evoskeleton.platform.data import PoseTable
from evoskeleton.platform.search import CampaignSettings, Silent, start

SMALL = {
    "search": {"generations": 2, "islands": 2, "island": {"population": 64, "offspring": 128}},
    "training": {
        "limit": 2,
        "fit": {"preset": "small", "steps": 60, "batch": 64, "cascade": {"width": 64}},
    },
}


def main(source: str, home: str, address: str | None = None) -> PoseTable:
    """Runs a small campaign in the folder `home`; returns its pose table.

    With an `address` it joins the Ray cluster there, else it starts one for itself.
    """
    settings = CampaignSettings.parse(
        {
            "name": "example",
            "home": home,
            "motion": {"seed": {"kind": "parquet", "path": source}, "validation_share": 0.3},
            "machine": {"address": address},
            "tracking": {"enabled": False},  # without MLflow
            **SMALL,
        }
    )
    outcome = start(settings, Silent())
    report = outcome.report
    print(f"error on test clips {report['baseline']['overall']['mpjpe']:.0f} mm -> ", end="")
    print(f"{report['evolved']['overall']['mpjpe']:.0f} mm")
    table = PoseTable.open(f"{home}/poses")
    print(f"{len(table.poses(campaign='example')):,} poses in version {table.version} of the table")
    return table


if __name__ == "__main__":
    main(*sys.argv[1:4])
