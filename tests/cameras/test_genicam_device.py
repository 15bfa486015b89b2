"""What viky can't do, a stand-in driver does: incomplete frames, padding, parts, failing copies."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from genicam import gentl

from inspector_core.cameras.camera import CameraInfo
from inspector_core.cameras.genicam_device import Device, RawImage
from inspector_core.cameras.pixel_formats import to_rgb
from inspector_core.errors import CameraError

MONO8, MONO12P, UNHEARD_OF = 0x01080001, 0x010C0047, 0x01087FFF


class Buffer:
    """A driver's buffer: its memory is overwritten as soon as it is queued."""

    def __init__(self, data: np.ndarray, queued: list["Buffer"], **properties: Any) -> None:
        self.raw_buffer = memoryview(data)
        self.data = data
        self.parent = SimpleNamespace(queue_buffer=self._queue)
        self._queued = queued
        self.__dict__.update({"payload_type": 1, "frame_id": 7} | properties)

    def _queue(self, buffer: "Buffer") -> None:
        buffer.data[:] = 0
        self._queued.append(buffer)


class Acquirer:
    """As much of harvesters' ImageAcquirer as the device uses."""

    Events = SimpleNamespace(INCOMPLETE_BUFFER="incomplete")
    min_num_buffers = 1

    def __init__(self, buffers: Callable[[], Buffer | str | None]) -> None:
        self.remote_device = SimpleNamespace(
            node_map=SimpleNamespace(
                PayloadSize=SimpleNamespace(value=10_000),
                Width=SimpleNamespace(value=4),
                Height=SimpleNamespace(value=3),
                PixelFormat=SimpleNamespace(value="Mono12p", get_int_value=lambda: MONO12P),
            )
        )
        self._next = buffers

    def add_callback(self, event: str, callback: Any) -> None:
        self._callback = callback

    def try_fetch(self, *, timeout: float, is_raw: bool) -> Buffer | None:
        assert is_raw
        buffer = self._next()
        if isinstance(buffer, Buffer):
            return buffer
        if buffer == "incomplete":
            self._callback.emit(self)
        time.sleep(0.001 if buffer else timeout)
        return None


def device_of(*buffers: Buffer | str | None, then: str | None = None) -> Device:
    left = list(buffers)
    return Device(CameraInfo("x", "", "", ""), Acquirer(lambda: left.pop(0) if left else then))


def test_incomplete_frames_are_counted_and_do_not_restart_the_clock() -> None:
    device = device_of(then="incomplete")
    begin = time.monotonic()
    assert device.fetch(0.1, lambda image: None) is False
    assert 0.1 <= time.monotonic() - begin < 3
    assert device.incomplete > 3


def test_a_complete_frame_after_incomplete_ones_is_taken_before_its_buffer_is_reused() -> None:
    queued: list[Buffer] = []
    buffer = Buffer(np.arange(12, dtype=np.uint8), queued, width=4, height=3, pixel_format=MONO8)
    device = device_of("incomplete", "incomplete", buffer)
    taken: list[np.ndarray] = []
    assert device.fetch(5, lambda image: taken.append(to_rgb(image.data, 4, 3, image.pixel_format)))
    assert device.incomplete == 2
    assert queued == [buffer]
    np.testing.assert_array_equal(taken[0][..., 0].ravel(), np.arange(12))


def test_a_buffer_goes_back_even_where_taking_it_fails() -> None:
    queued: list[Buffer] = []
    buffer = Buffer(np.zeros(12, np.uint8), queued, width=4, height=3, pixel_format=MONO8)

    def fail(image: RawImage) -> None:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        device_of(buffer).fetch(5, fail)
    assert queued == [buffer]


def test_line_padding_offset_and_missing_properties_are_understood() -> None:
    rows = np.arange(3 * 8, dtype=np.uint8).reshape(3, 8)
    data = np.concatenate([np.full(5, 255, np.uint8), rows.ravel()])
    buffer = Buffer(data, [], width=4, pixel_format=MONO12P, padding_x=2, image_offset=5)
    del buffer.__dict__["frame_id"]
    seen: list[tuple[RawImage, np.ndarray]] = []
    device_of(buffer).fetch(5, lambda image: seen.append((image, image.data.copy())))
    image, copied = seen[0]
    assert (image.width, image.height, image.stride, image.pixel_format) == (4, 3, 8, "Mono12p")
    assert image.frame_id == -1
    np.testing.assert_array_equal(copied, rows.ravel()[: 2 * 8 + 6])
    assert to_rgb(copied, 4, 3, "Mono12p", image.stride).shape == (3, 4, 3)


def test_the_image_part_of_a_multi_part_payload_is_chosen() -> None:
    kinds = gentl.PARTDATATYPE_IDS
    depth = SimpleNamespace(data_type=kinds.PART_DATATYPE_3D_IMAGE)
    image = SimpleNamespace(
        data_type=kinds.PART_DATATYPE_2D_IMAGE, width=2, height=2, data_format=MONO8, data_offset=3
    )
    multi = gentl.PAYLOADTYPE_INFO_IDS.PAYLOAD_TYPE_MULTI_PART
    data = np.arange(9, dtype=np.uint8)
    seen: list[list[int]] = []
    device_of(Buffer(data, [], payload_type=multi, parts=[depth, image])).fetch(
        5, lambda raw: seen.append(raw.data.tolist())
    )
    assert seen == [[3, 4, 5, 6]]
    queued: list[Buffer] = []
    without = Buffer(data, queued, payload_type=multi, parts=[depth])
    with pytest.raises(CameraError, match="no two-dimensional image"):
        device_of(without).fetch(5, lambda raw: None)
    assert queued == [without]


def test_a_format_that_pfnc_does_not_know_is_handed_on_as_its_number() -> None:
    seen: list[str] = []
    buffer = Buffer(np.zeros(12, np.uint8), [], width=4, height=3, pixel_format=UNHEARD_OF)
    device_of(buffer).fetch(5, lambda image: seen.append(image.pixel_format))
    assert seen == ["0x01087fff"]


def test_a_slot_is_sized_for_the_image_and_not_for_the_largest_payload() -> None:
    assert device_of().largest_image() == 3 * (4 * 12 // 8 + 64)
