"""Pictures and videos of strangers: every orientation and mode, and files that mean no good."""

import io
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.images import decode_image, read_image
from evoskeleton.pose2d.videos import is_video, read_video

CORNERS = np.zeros((16, 24, 3), np.uint8)
CORNERS[:8, :12], CORNERS[:8, 12:] = (250, 0, 0), (0, 250, 0)
CORNERS[8:, :12], CORNERS[8:, 12:] = (0, 0, 250), (250, 250, 0)

STORED_AS = {
    1: lambda seen: seen,
    2: lambda seen: seen[:, ::-1],
    3: lambda seen: seen[::-1, ::-1],
    4: lambda seen: seen[::-1],
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: seen[::-1, ::-1].transpose(1, 0, 2),
    8: lambda seen: np.rot90(seen, -1),
}
"""How a camera that writes this EXIF orientation stores what should be seen."""


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, rows: bytes) -> bytes:
    """A PNG of any claimed size around any pixel data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_exif_orientation_is_seen_upright(orientation, kind, tmp_path):
    stored = Image.fromarray(np.ascontiguousarray(STORED_AS[orientation](CORNERS)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {} if kind == "PNG" else {"quality": 100}
    path = tmp_path / "photo"
    path.write_bytes(encoded(stored, kind, exif=exif, **quality))
    seen = read_image(path)
    assert seen.shape == CORNERS.shape and seen.dtype == np.uint8
    inside = np.s_[[4, 4, 12, 12], [5, 18, 5, 18]]
    assert np.abs(seen[inside].astype(int) - CORNERS[inside]).max() < 30


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "RGBA", "LA", "I;16"])
def test_every_mode_becomes_red_green_blue(mode, tmp_path):
    grey = Image.fromarray(np.full((6, 5), 255, np.uint8))
    if mode == "I;16":
        image = Image.fromarray(np.full((6, 5), 65535, np.uint16))
    else:
        image = grey.convert("RGB").convert(mode) if mode != "1" else grey.convert("1")
    path = tmp_path / "white"
    path.write_bytes(encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert (read_image(path) >= 254).all() and read_image(path).shape == (6, 5, 3)


def test_sixteen_bits_keep_their_order():
    levels = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    seen = decode_image(encoded(Image.fromarray(levels)))
    assert np.array_equal(seen[..., 0], levels >> 8)


def test_what_is_transparent_becomes_white():
    hidden = np.zeros((4, 4, 4), np.uint8)
    hidden[:, 2:, 3] = 255
    seen = decode_image(encoded(Image.fromarray(hidden)))
    assert (seen[:, :2] == 255).all() and (seen[:, 2:] == 0).all()


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header():
    bomb = png(60_000, 60_000, b"")
    assert len(bomb) < 100
    with pytest.raises(BadInput, match="too large|at most 80 million pixels"):
        decode_image(bomb)
    with pytest.raises(BadInput, match="should have at most 80 million pixels, got 10000 x 9000"):
        decode_image(png(10_000, 9_000, b""))


def test_the_limit_is_an_argument_and_counts_exactly():
    data = encoded(Image.fromarray(CORNERS))
    assert decode_image(data, most_pixels=16 * 24).shape == CORNERS.shape
    with pytest.raises(BadInput, match="picture of the request should have at most"):
        decode_image(data, most_pixels=16 * 24 - 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_truncated_picture_is_told(kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(BadInput, match="is damaged|it is none of these") as refusal:
        decode_image(data[: int(share * len(data))], "cut.bin")
    assert "cut.bin" in str(refusal.value) and "\n" not in str(refusal.value)


def test_flipped_bytes_are_told_or_decoded_but_never_anything_else():
    chance = np.random.default_rng(2)
    noise = Image.fromarray(chance.integers(0, 256, (32, 32, 3), np.uint8))
    refused = 0
    for kind in ("PNG", "JPEG", "WEBP", "BMP"):
        whole = np.frombuffer(encoded(noise, kind), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            broken[chance.integers(0, min(len(whole), 400), 6)] = chance.integers(0, 256, 6)
            try:
                assert decode_image(broken.tobytes(), most_pixels=10_000_000).dtype == np.uint8
            except BadInput as error:
                assert "\n" not in str(error)
                refused += 1
    assert refused > 60


@pytest.mark.parametrize("content", [b"", b"hello, this is no picture", b"GIF89a" + bytes(40)])
def test_what_is_no_picture_is_told(content, tmp_path):
    path = tmp_path / "note.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="note.jpg (should be JPEG, .* TIFF or GIF|is damaged)"):
        read_image(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(BadInput, match="none.jpg cannot be read: No such file"):
        read_image(tmp_path / "none.jpg")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        read_image(tmp_path)


def test_videos_are_known_by_their_names():
    assert is_video("a/B.MP4") and is_video("x.webm") and not is_video("x.jpg")


@pytest.fixture
def film(tmp_path):
    """Ten frames at 20 a second, each brighter than the last, red below and blue above."""
    cv2 = pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for number in range(10):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[:24, :, 0] = frame[24:, :, 2] = 20 * number + 40
        writer.write(frame)
    writer.release()
    return path


def test_a_video_gives_its_frames_in_order(film):
    frames = list(read_video(film))
    assert [frame.number for frame in frames] == list(range(10))
    assert np.allclose([frame.seconds for frame in frames], np.arange(10) / 20)
    for frame in frames:
        assert frame.image.shape == (48, 64, 3)
        assert abs(int(frame.image[40, 30, 0]) - (20 * frame.number + 40)) < 8
        assert frame.image[40, 30, 2] < 12 and frame.image[8, 30, 2] > 30


def test_a_video_that_is_cut_short_gives_what_it_has(film):
    data = film.read_bytes()
    film.write_bytes(data[: int(0.85 * len(data))])
    assert 1 <= len(list(read_video(film))) < 10


def test_a_video_of_text_is_told(tmp_path):
    pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = tmp_path / "text.mp4"
    path.write_text("hello")
    with pytest.raises(BadInput, match="text.mp4 has no frame that can be decoded"):
        list(read_video(path))


def test_a_video_that_is_too_large_is_told(film):
    with pytest.raises(BadInput, match="should have at most .* got 64 x 48"):
        list(read_video(film, most_pixels=3000))


def test_a_missing_video_is_told(tmp_path):
    with pytest.raises(BadInput, match="none.mp4 cannot be read: No such file"):
        list(read_video(tmp_path / "none.mp4"))


SHARED = Path(os.environ.get("EVOSKELETON_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))
CASES = SHARED.parent / "cases/reports/vfr"


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("even.avi", [0, 0.033, 0.067, 0.1, 0.133, 0.167, 0.2, 0.233]),
        ("uneven.mp4", [0, 0.033, 0.067, 0.1, 0.3, 0.5, 0.7, 0.9]),
    ],
)
def test_times_are_those_that_were_recorded(name, seconds):
    pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = CASES / name
    if not path.exists():
        pytest.skip("the small videos of the reports are not there")
    sentences = []
    assert [round(f.seconds, 3) for f in read_video(path, tell=sentences.append)] == seconds
    assert sentences == []


def test_a_damaged_frame_is_told_and_what_follows_is_read():
    pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = CASES / "damaged.mp4"
    if not path.exists():
        pytest.skip("the small videos of the reports are not there")
    sentences = []
    assert [f.number for f in read_video(path, tell=sentences.append)] == [0, 1, 2, 4, 5, 6, 7]
    assert len(sentences) == 1 and "1 frame is damaged and was left out" in sentences[0]


def test_a_film_that_ends_early_is_told(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(60):
        writer.write(np.full((48, 64, 3), 4 * number, np.uint8))
    writer.release()
    data, sentences = path.read_bytes(), []
    path.write_bytes(data[: int(0.7 * len(data))])
    assert 10 < len(list(read_video(path, tell=sentences.append))) < 55
    assert len(sentences) == 1 and "should last 5.9 s, it ends after" in sentences[0]


def of_many_parts():
    small = encoded(Image.fromarray(CORNERS), "JPEG")
    yield "segments", small[:2] + b"\xff\xfe\0\2" * 3_000 + small[2:]
    yield "padding", small[:2] + b"\xff" * 100_000 + small[2:]
    whole = encoded(Image.fromarray(CORNERS))
    empty = struct.pack(">I4sI", 0, b"abCd", zlib.crc32(b"abCd"))
    yield "chunks", whole[:33] + empty * 30_000 + whole[33:]
    header = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 1078)
    header += struct.pack("<IiiHHIIiiII", 40, 900, 900, 1, 8, 1, 0, 0, 0, 256, 0)
    yield "compressed BMP", header + bytes(1024) + b"\1\1" * 600_000


@pytest.mark.parametrize(("words", "data"), list(of_many_parts()))
def test_a_picture_whose_parts_take_long_to_read_is_refused_at_once(words, data):
    began = time.process_time()
    with pytest.raises(BadInput, match=words):
        decode_image(data)
    assert time.process_time() - began < 0.3
