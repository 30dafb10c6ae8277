"""Examples of every command, shown below its help."""

import typer

EXAMPLES = {
    "demo": ("demo", "demo --seed 2 --set search.generations=4"),
    "adapt": (
        "adapt photo.jpg walk.mp4 --output lifter",
        "adapt keypoints.json --seeds mine.parquet --output lifter",
        "adapt photos --output lifter --minutes 5",
    ),
    "sample": ("sample 1000 --output drawn.parquet",),
    "train": (
        "train --poses mine.parquet --output lifter --set steps=2000",
        "train --poses mine.parquet --output lifter --preset large",
        "settings train",
    ),
    "evaluate": (
        "evaluate --model lifter --poses test.parquet",
        "evaluate --model lifter --poses test.parquet --json errors.json",
    ),
    "infer": (
        "infer photo.jpg walk.mp4 --overlay drawings",
        "infer walk.mp4 --output walk.bvh --detector blazepose-heavy",
        "infer photo.jpg --model lifter --fit",
    ),
    "lift": (
        "lift --keypoints points.json --output joints.json",
        "lift --model best --keypoints p.json --output j.json --fit 640x480",
    ),
    "render": (
        "render campaigns/poses --output pictures --count 20000",
        "render mine.parquet --output pictures --people 1-3 --size 640x480",
        "render mine.parquet --output pictures --backgrounds photos",
        "render campaigns/poses --output hard --hardest 5000 --count 5000",
        "settings render",
    ),
    "serve": (
        "serve --bundle lifter",
        "serve --model my-campaign --http-address 127.0.0.1:8080",
        "settings serve",
    ),
    "annotate": (
        "annotate photos",
        "annotate 1.jpg 2.jpg --project street --keypoints coco",
        "annotate --annotations mine --no-browser",
    ),
    "settings": (
        "settings campaign",
        "settings campaign search.archive",
        "settings train steps --json",
    ),
    "campaign run": (
        "campaign template > campaign.yaml",
        "campaign run campaign.yaml",
        "campaign run campaign.yaml --set search.generations=20",
        "settings campaign",
    ),
    "campaign report": ("campaign report my-campaign --output report.html",),
    "campaign compare": ("campaign compare my-campaign another-campaign",),
    "campaign resume": (
        "campaign resume my-campaign",
        "campaign resume my-campaign --set search.generations=20",
    ),
    "campaign list": ("campaign list", "campaign list --home elsewhere"),
    "campaign status": ("campaign status my-campaign",),
    "campaign plan": (
        "campaign plan my.yaml --nodes 4x16cpu32gb --measure --rates r.json",
        "campaign plan my.yaml --nodes 16x8cpu32gb --rates r.json --price 1",
    ),
    "campaign template": ("campaign template > campaign.yaml",),
    "deploy check": (
        "deploy check --home /shared/campaigns",
        "deploy check --home /shared/campaigns --address head:6379",
    ),
    "data info": ("data info", "data info campaigns/poses --version 3"),
    "data import": (
        "data import walk.bvh run.bvh --units cm --output mine.parquet",
        "data import threeDPose_train.npy --output h36m.parquet",
        "settings source",
    ),
    "data keypoints": (
        "data keypoints openpose_output --figure seen.png",
        "data keypoints results.json --points halpe26 --size 1920x1080",
    ),
    "data export": (
        "data export --poses m.parquet --format human36m --output m.npy",
        "data export --poses mine.bvh --format parquet --output m.parquet",
    ),
    "data compact": ("data compact", "data compact s3://bucket/poses"),
    "data vacuum": ("data vacuum --dry-run", "data vacuum campaigns/poses --keep 12 --hours 24"),
    "data history": ("data history", "data history s3://bucket/poses"),
    "data describe": ("data describe mine.parquet --against seeds.parquet",),
    "data view": ("data view mine.bvh", "data view campaigns/poses --campaign my-campaign"),
    "data publish": ("data publish --campaign c --licence MIT --creator Us --output set",),
    "detector train": (
        "detector train train2017.json --output detector",
        "detector train renders --output d --measure-on val2017.json",
        "detector train annotations/cats --output d --begin hrnet_w32.pth",
    ),
    "detector convert": (
        "detector convert pose_hrnet_w32_256x192.pth --output w32",
        "detector convert h36m.pth --output d --width 48 --head seed",
    ),
    "detector evaluate": (
        "detector evaluate detector val2017.json --json scores.json",
        "detector evaluate blazepose val2017.json",
    ),
    "detector card": (
        "detector card detector",
        "detector card models:/labs person_keypoints_val2017.json",
        "detector card detector own-people.json --write",
    ),
    "detector list": ("detector list", "detector list --uri http://mlflow:5000"),
    "detector register": (
        "detector register detector labs",
        "infer photo.jpg --detector models:/labs",
    ),
    "detector promote": ("detector promote labs 2",),
    "detector rollback": ("detector rollback labs",),
    "detector fetch": ("detector fetch models:/labs --output labs",),
    "limits fit": (
        "limits fit --poses mine.parquet --output mine.npz",
        "limits fit --poses mine.parquet --output mine.npz --leave-out S9",
    ),
    "limits show": (
        "limits show --output figures",
        "limits show --output figures --after campaigns/poses",
    ),
    "study run": (
        "study template > study.yaml",
        "study run study.yaml",
        "study run study.yaml --set budget_core_hours=2",
    ),
    "study report": ("study report study.yaml",),
    "study template": (
        "study template > study.yaml",
        "study template --choices > choices.yaml",
    ),
    "model list": ("model list",),
    "model import": ("model import model.th --statistics stats.npy --output li2020",),
    "model build": ("model build detections --poses cmu_poses.parquet --output mine",),
    "model card": (
        "model card --poses cmu_poses.parquet",
        "model card --model mine --poses cmu_poses.parquet",
    ),
    "model promote": ("model promote my-campaign 3",),
    "model rollback": ("model rollback my-campaign",),
    "assets list": ("assets list",),
    "assets fetch": ("assets fetch", "assets fetch blazepose-weights"),
    "token add": ("token add anna --scope annotate", "token add app --scope infer"),
    "token list": ("token list",),
    "token revoke": ("token revoke anna",),
    "annotations add": ("annotations add street first.jpg second.jpg",),
    "annotations import": ("annotations import all.json --project street --images photos",),
    "annotations export": (
        "annotations export street --format coco --output street.json",
        "annotations export street --format pose-table --output annotated",
    ),
}
"""Lines by command, without the name of the program."""


def show_examples(app: typer.Typer, group: str = "") -> None:
    """Put the examples below the help of every command of a program."""
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        command.epilog = epilog(EXAMPLES[f"{group}{name}"])
    for inner in app.registered_groups:
        assert inner.typer_instance is not None
        show_examples(inner.typer_instance, f"{inner.name} ")


def epilog(lines: tuple[str, ...]) -> str:
    """A heading and a line each, as the help sets them."""
    return "\b\n" + "\n".join(["[bold]Examples[/bold]", *(f"evoskeleton {line}" for line in lines)])
