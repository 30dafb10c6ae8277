"""Small files laid out as MPI-INF-3DHP's own, of poses whose cameras are known."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

FROM_28 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
FROM_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
FOCAL, CENTER = np.array([1497.693, 1497.103]), np.array([1024.704, 1051.394])
EXTRINSIC = np.array(
    [
        [0.9650164, 0.00488022, 0.262144, -562.8666],
        [-0.004488356, -0.9993728, 0.0351275, 1398.138],
        [0.262151, -0.03507521, -0.9643893, 3852.623],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""World, y up, to a camera at chest height, as the data set's calibrations have them."""


def y_up(world: np.ndarray) -> np.ndarray:
    """(..., 3) with z up in axes with y up."""
    return np.stack([world[..., 0], world[..., 2], -world[..., 1]], axis=-1)


def seen(camera: np.ndarray) -> np.ndarray:
    """(..., 2) px of (..., 3) camera mm."""
    return FOCAL * camera[..., :2] / camera[..., 2:] + CENTER


def calibration(extrinsics: list[np.ndarray]) -> str:
    lines = ["Skeletool Camera Calibration File V1.0"]
    for number, extrinsic in enumerate(extrinsics):
        intrinsic = f"{FOCAL[0]} 0 {CENTER[0]} 0 0 {FOCAL[1]} {CENTER[1]} 0 0 0 1 0 0 0 0 1"
        lines += [f"name          {number}", "  sensor      10 10", "  size        2048 2048"]
        lines += ["  animated    0", f"  intrinsic   {intrinsic} "]
        lines += [f"  extrinsic   {' '.join(map(repr, extrinsic.ravel().tolist()))} "]
        lines += ["  radial      0"]
    return "\n".join(lines) + "\n"


def write_training(folder: Path, world: np.ndarray, cameras: int = 3) -> Path:
    """`annot.mat` of (frames, 17, 3) world mm, z up, with its calibration; every camera further."""
    extrinsics = []
    for number in range(cameras):
        extrinsics.append(EXTRINSIC.copy())
        extrinsics[-1][2, 3] += 500.0 * number
    joints = [y_up(world) @ each[:3, :3].T + each[:3, 3] for each in extrinsics]
    cells = {"annot3": joints, "univ_annot3": [0.9 * each for each in joints]}
    cells["annot2"] = [seen(each) for each in joints]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "camera.calibration").write_text(calibration(extrinsics))
    arrays = {name: _cells(of_cameras) for name, of_cameras in cells.items()}
    numbers = {"frames": np.arange(len(world)), "cameras": np.arange(cameras)}
    savemat(folder / "annot.mat", numbers | arrays, do_compression=True)
    return folder / "annot.mat"


def _cells(of_cameras: list[np.ndarray]) -> np.ndarray:
    cells = np.empty((len(of_cameras), 1), dtype=object)
    for number, joints in enumerate(of_cameras):
        all_28 = np.repeat(joints[:, :1], 28, axis=1)
        all_28[:, FROM_28] = joints
        cells[number, 0] = all_28.reshape(len(joints), -1)
    return cells


def write_test(folder: Path, camera: np.ndarray, valid: np.ndarray, activity: np.ndarray) -> Path:
    """`annot_data.mat` of (frames, 17, 3) camera mm, in version 7.3."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "annot_data.mat"
    arrays = {"annot3": camera, "univ_annot3": 0.9 * camera, "annot2": seen(camera)}
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, of_frames in arrays.items():
            theirs = np.empty_like(of_frames)
            theirs[:, FROM_17] = of_frames
            file[name] = theirs[:, None]
        file["valid_frame"] = valid.astype(np.float64)[:, None]
        file["activity_annotation"] = activity.astype(np.float64)[:, None]
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64"
    with open(path, "r+b") as file:
        file.write(header.ljust(124) + b"\x00\x02IM")
    return path


def in_front(world: np.ndarray) -> np.ndarray:
    """(frames, 17, 3) world mm, z up, as a level camera 4 m south of the first hip sees them."""
    away = world - world[0, 0] + [0.0, 4000.0, 0.0]
    return np.stack([away[..., 0], -away[..., 2], away[..., 1]], axis=-1)
