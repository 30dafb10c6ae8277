"""Breed a thousand valid bodies from real poses, without a cluster.

    python docs/examples/1_breed_a_thousand_bodies.py poses.parquet

`poses.parquet` is any source that the commands read: a Parquet file, BVH, a folder, `deepmimic`.
"""

import sys

import numpy as np

from evoskeleton.evolution import (
    BreedingSettings,
    Population,
    breed,
    codes_to_names,
    default_limits,
    encode,
)
from evoskeleton.platform.data import load, settings_from_text


def main(source: str) -> np.ndarray:
    """Prints what was bred; returns (offspring, 17, 3) world mm."""
    poses = load(settings_from_text(source)).poses
    settings, limits = BreedingSettings(), default_limits()
    genomes = encode(poses)
    parents = Population.seeds(genomes, settings.margin(limits, genomes))
    offspring = breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=1000,
        settings=settings,
        valid=lambda offspring: settings.margin(limits, offspring),
    )
    within = len(offspring.joints)
    print(f"{len(poses)} parents, {offspring.tried} bodies bred, {within} within the limits")
    names, counts = np.unique(codes_to_names(offspring.population.operators), return_counts=True)
    for place in counts.argsort()[::-1][:5]:
        print(f"  {counts[place]:4d} by {names[place]}")
    return offspring.joints.numpy()


if __name__ == "__main__":
    main(sys.argv[1])
