"""Joint limits out of your own motion: fit them, judge them, draw bodies from them.

python docs/examples/2_measure_joint_limits.py poses.parquet
"""

import sys

import numpy as np

from evoskeleton.evolution import decode, default_limits, encode, judge, sample
from evoskeleton.evolution.limits import tables
from evoskeleton.platform.data import hold_out, load, settings_from_text


def main(source: str) -> np.ndarray:
    """Prints how two sets of limits treat held-out clips; returns (100, 17, 3) world mm."""
    fitted_on, held_out = hold_out(load(settings_from_text(source)), share=0.3, seed=1)
    own = tables.fit_tables(fitted_on.poses, source="my own motion")
    for name, limits in (("own", own), ("shipped", default_limits())):
        judgement = judge(limits, encode(held_out.poses))
        print(
            f"{name}: {100 * judgement.accepted:.1f} % of the held-out poses are accepted, "
            f"{100 * judgement.elbows:.1f} % of backward elbows rejected"
        )
    return decode(sample(own, 100, seed=1)).numpy()


if __name__ == "__main__":
    main(sys.argv[1])
