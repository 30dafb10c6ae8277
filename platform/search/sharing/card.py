"""The card of a published data set, `README.md` as Hugging Face reads it."""

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.origin import Origin
from evoskeleton.platform.record.run_page.words import markdown_table
from evoskeleton.platform.search.campaign.closing.report_page import CAPTIONS
from evoskeleton.platform.search.sharing.terms import Terms

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

COLUMNS = {
    "id": "number of the pose, unique in the set",
    "generation": "when it was bred; 0 for real poses",
    "island": "population in which it was bred",
    "mother": "id of its mother; null for real poses. Ancestors that were replaced are not listed",
    "father": "id of its father",
    "operator": "how it was made, names joined by +; seed for real poses",
    "subject": "of real poses: whose they are",
    "clip": "of real poses: the recording",
    "pose": "51 float32: x, y, z of 17 joints, millimetres, z up",
    "margin": "degrees within the joint limits; below 0 outside",
    "error": "MPJPE in mm of the lifter of the day; null where nothing has scored",
    "is_seed": "whether it is a real pose",
}


def card(
    terms: Terms,
    numbers: dict[str, Any],
    settings: Iterable[Sequence[str]],
    origins: Sequence[Origin] = (),
) -> str:
    """The card: what is in it, how it was made, what it is good for and what not."""
    parts = _parts(terms, numbers, settings, origins)
    return f"---\n{_front(terms, numbers)}---\n\n" + "\n\n".join(parts)


def _real(seeds: int) -> str:
    if seeds == 0:
        return "none of the real ones that they descend from"
    return f"the {seeds:,} real ones that they descend from"


def _front(terms: Terms, numbers: dict[str, Any]) -> str:
    size = next((word for most, word in _SIZES if numbers["poses"] < most), "n>1M")
    known = terms.licence.lower()
    head = {
        "license": known if known in _KNOWN else "other",
        **({} if known in _KNOWN else {"license_name": terms.licence}),
        "pretty_name": terms.name,
        "size_categories": [size],
        "task_categories": ["other"],
        "annotations_creators": ["machine-generated"],
        "tags": ["3d-human-pose", "human3.6m-skeleton", "synthetic", "evoskeleton"],
        "source_datasets": ["original"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train-*.parquet"}],
            }
        ],
    }
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True)


_KNOWN = (
    "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-3.0",
    "mit", "apache-2.0", "bsd-3-clause", "odc-by", "odbl", "pddl", "unlicense",
)  # fmt: skip


def _parts(
    terms: Terms,
    numbers: dict[str, Any],
    settings: Iterable[Sequence[str]],
    origins: Sequence[Origin],
) -> Iterable[str]:
    yield f"# {terms.name}"
    yield (
        f"{numbers['poses']:,} 3D human poses: {numbers['bred']:,} bred by evoskeleton over "
        f"{numbers['generations']} generations, and {_real(numbers['seeds'])}."
    )
    yield "## Columns"
    yield markdown_table(
        ["column", "what it is"], [(name, COLUMNS[name]) for name in numbers["columns"]]
    )
    yield (
        "`pose` is joint-major in the order "
        + ", ".join(JOINT_NAMES)
        + ". World frame, millimetres, z up; a Foot is the ankle."
    )
    yield "## How it was made"
    yield (
        "Real poses were crossed and mutated as trees of limb directions; offspring outside the "
        f"joint limits ({numbers['limits']}) were thrown away. Those that a 2D-to-3D lifter gets "
        "most wrong were preferred as parents. Settings that differ from the defaults:"
    )
    yield markdown_table(["setting", "value", "default"], settings)
    yield "## What it is worth"
    yield (
        f"On {numbers['test_poses']:,} real test poses of other clips, a lifter that was trained "
        f"on the real poses alone errs by {numbers['baseline_mm']:.1f} mm (MPJPE), the champion "
        f"of the campaign, trained on bred and real poses, by {numbers['champion_mm']:.1f} mm."
    )
    if numbers["error_median_mm"] is not None:
        yield f"The median error of a pose in it is {numbers['error_median_mm']:.1f} mm."
    if numbers["figures"]:
        yield "## Figures"
        for name in numbers["figures"]:
            yield f"![{CAPTIONS.get(name, name)}](figures/{name}.png)\n\n{CAPTIONS.get(name, name)}"
    yield "## Limits"
    yield (
        "Bred poses are single bodies, not motion, and nobody has held them; balance, contact and "
        "clothing are not modelled. They repeat the builds and habits of the people that they "
        "descend from."
    )
    yield "## Licence"
    yield f"{terms.licence}. By {terms.creator}."
    if origins:
        yield "The real poses, or those that the bred ones descend from, are of:"
        yield markdown_table(
            ["source", "format", "licence", "SHA-256"],
            [(each.name, each.kind, each.licence, each.sha256) for each in origins],
        )
    thanks = [terms.acknowledgement, *(each.acknowledgement for each in origins)]
    yield from dict.fromkeys(text for text in thanks if text)
    yield ('```python\nfrom datasets import load_dataset\n\nposes = load_dataset("FOLDER")\n```\n')
