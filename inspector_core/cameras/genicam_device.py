"""One GenICam device through harvesters; lives in the camera process only."""

import ctypes
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from genicam import gentl
from harvesters.core import Callback, Harvester, ParameterKey, ParameterSet
from harvesters.util.pfnc import dict_by_ints
from numpy.typing import NDArray

from inspector_core.cameras.camera import CameraInfo
from inspector_core.errors import CameraError

_POLL_MS = 10
"""The SDK holds the interpreter's lock while it waits for a buffer, so each wait is short."""

_DRIVER_BUFFERS = 8

_LINE_PADDING = 64  # bytes that a line may be padded by

_ACCESS = {3: "no access", 4: "in use", 5: "in use", 6: "in use"}  # GenTL DEVICE_ACCESS_STATUS


@dataclass(frozen=True, slots=True)
class RawImage:
    """An image in the driver's memory: valid only until its buffer is queued again."""

    data: NDArray[np.uint8]
    width: int
    height: int
    pixel_format: str
    stride: int
    frame_id: int


class _Complaints(logging.Handler):
    """Keeps what harvesters logs instead of raising."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = brief(record.getMessage())


class _CountIncomplete(Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        self.count = 0

    def emit(self, context: object | None = None) -> None:
        self.count += 1


class Producer:
    """A loaded GenTL producer.

    Raises:
        CameraError: the file is no library, is no GenTL producer, or refuses to start.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._complaints = _Complaints()
        logger = logging.Logger("harvesters")
        logger.addHandler(self._complaints)
        self.harvester = Harvester(logger=logger)
        try:
            self.harvester.add_file(str(file), check_existence=True, check_validity=True)
        except OSError as error:
            raise CameraError(
                f"the GenTL producer {file} can't be loaded ({brief(error)})",
                "install the camera maker's driver for this system, or choose another .cti file",
            ) from error
        # Handed any other library, the SDK calls functions that are not there and crashes.
        if not hasattr(ctypes.CDLL(str(file)), "GCInitLib"):
            raise CameraError(
                f"{file} is no GenTL producer", "choose the .cti file of the camera maker's driver"
            )
        self.harvester.update()
        if not self.devices() and self._complaints.last:
            raise CameraError(
                f"the GenTL producer {file} does not start ({self._complaints.last})",
                "reinstall the camera maker's driver, or choose another .cti file",
            )

    def devices(self) -> list[CameraInfo]:
        return [self._describe(device) for device in self.harvester.device_info_list]

    def open(self, device: str) -> "Device":
        """Open the device of this id, serial number or user-defined name; "" is the first.

        Raises:
            CameraError: there is no such device, or it is in use.
        """
        infos = self.devices()
        index = next((k for k, info in enumerate(infos) if not device or device in _names(info)), None)
        if index is None:
            raise self._not_found(device, infos)
        info = infos[index]
        config = ParameterSet({ParameterKey.ENABLE_AUTO_CHUNK_DATA_UPDATE: False})
        try:
            acquirer = self.harvester.create(index, config=config)
        except (gentl.AccessDeniedException, gentl.ResourceInUseException, gentl.BusyException) as error:
            remedy = "close the other program or window that uses it"
            raise CameraError(f"the camera {info.id} is in use", remedy) from error
        except Exception as error:
            raise CameraError(
                f"the camera {info.id} can't be opened ({brief(error)})", "check its cable, power and network"
            ) from error
        return Device(info, acquirer)

    def close(self) -> None:
        self.harvester.reset()

    def _not_found(self, device: str, infos: list[CameraInfo]) -> CameraError:
        if not infos:
            problem = f"{self.file.name} finds no camera" + (f" named {device}" if device else "")
            return CameraError(problem, "check the camera's cable, power and network")
        there = ", ".join(info.id for info in infos)
        return CameraError(
            f"the camera {device} is not there", f"check its cable and power, or choose one of {there}"
        )

    def _describe(self, device: Any) -> CameraInfo:
        details = {
            "version": str(_value(device, "version")),
            "transport": str(_value(device, "tl_type")),
            "name": str(_value(device, "user_defined_name")),
            "access": _ACCESS.get(_value(device, "access_status") or 0, ""),
        }
        return CameraInfo(
            id=str(_value(device, "id_")),
            vendor=str(_value(device, "vendor")),
            model=str(_value(device, "model")),
            producer=str(self.file),
            serial=str(_value(device, "serial_number")),
            details={key: value for key, value in details.items() if value},
        )


class Device:
    """An open device. Its acquirer is never started in the background: that holds one buffer only."""

    def __init__(self, info: CameraInfo, acquirer: Any) -> None:
        self.info = info
        self._acquirer = acquirer
        self._incomplete = _CountIncomplete()
        acquirer.add_callback(acquirer.Events.INCOMPLETE_BUFFER, self._incomplete)
        # In this order, since harvesters warns where the inner wait exceeds the outer one.
        acquirer.timeout_period_on_client_fetch_call = 2 * _POLL_MS / 1000
        acquirer.timeout_period_on_update_event_data_call = _POLL_MS
        acquirer.num_buffers = max(_DRIVER_BUFFERS, acquirer.min_num_buffers)

    @property
    def node_map(self) -> Any:
        return self._acquirer.remote_device.node_map

    @property
    def incomplete(self) -> int:
        """Incomplete frames since the device was opened."""
        return self._incomplete.count

    def pixel_format(self) -> str:
        return str(self.node_map.PixelFormat.value)

    def largest_image(self) -> int:
        """Bytes that one image can take with the present settings."""
        payload = int(self.node_map.PayloadSize.value)
        try:
            # PFNC keeps the bits per pixel in bits 16 to 23 of a format's number.
            bits = self.node_map.PixelFormat.get_int_value() >> 16 & 0xFF
            line = -(-self.node_map.Width.value * bits // 8) + _LINE_PADDING
            image = int(self.node_map.Height.value * line)
        except Exception:
            return payload
        return min(payload, image) if bits else payload

    def start(self) -> None:
        self._acquirer.start()

    def stop(self) -> None:
        self._acquirer.stop()

    def fetch(self, timeout_s: float, take: Callable[[RawImage], None]) -> bool:
        """Give the next complete image to `take`, which copies it; False where none came in time.

        Raises:
            genicam exceptions: the device is gone.
            CameraError: the buffer holds no image.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            # A stream of incomplete frames would restart the clock of `fetch`; `try_fetch` returns at each.
            fetched = self._acquirer.try_fetch(timeout=_POLL_MS / 1000, is_raw=True)
            buffers = [b for b in (fetched if isinstance(fetched, list) else [fetched]) if b is not None]
            try:
                if buffers:
                    take(_raw_image(buffers[0], self.node_map))
                    return True
            finally:
                for buffer in buffers:
                    buffer.parent.queue_buffer(buffer)
            if time.monotonic() >= deadline:
                return False

    def close(self) -> None:
        self._acquirer.destroy()


def brief(error: object) -> str:
    """The first sentence of an SDK's message, without its tail of source positions."""
    text = str(error).strip() or type(error).__name__
    text = text.removeprefix("GenTL exception: ").removeprefix("GenApi exception: ")
    return text.splitlines()[0].split(" : ")[0].split(" (Message from")[0].rstrip(". ")


def _names(info: CameraInfo) -> tuple[str, ...]:
    return tuple(name for name in (info.id, info.serial, info.details.get("name")) if name)


def _value(module: Any, name: str) -> Any:
    """A property that a producer need not have: reading it then raises."""
    try:
        return getattr(module, name)
    except Exception:
        return ""


def _raw_image(buffer: Any, node_map: Any) -> RawImage:
    part = _image_part(buffer)
    holder = part if part is not None else buffer
    width = int(_value(holder, "width") or node_map.Width.value)
    height = int(
        _value(holder, "height") or _value(buffer, "delivered_image_height") or node_map.Height.value
    )
    number = int(
        _value(holder, "data_format" if part is not None else "pixel_format")
        or node_map.PixelFormat.get_int_value()
    )
    padding = int(_value(holder, "x_padding" if part is not None else "padding_x") or 0)
    line = -(-width * (number >> 16 & 0xFF) // 8)
    offset = (
        int(_value(part, "data_offset") or 0)
        if part is not None
        else int(_value(buffer, "image_offset") or 0)
    )
    data = np.frombuffer(buffer.raw_buffer, np.uint8, offset=offset)
    size = (line + padding) * height - padding if padding else -(-width * height * (number >> 16 & 0xFF) // 8)
    frame_id = _value(buffer, "frame_id")
    return RawImage(
        data=data[:size],
        width=width,
        height=height,
        pixel_format=dict_by_ints.get(number, f"{number:#010x}"),
        stride=line + padding if padding else 0,
        frame_id=int(frame_id) if frame_id != "" else -1,
    )


def _image_part(buffer: Any) -> Any | None:
    """The first two-dimensional image of a multi-part payload."""
    if _value(buffer, "payload_type") != gentl.PAYLOADTYPE_INFO_IDS.PAYLOAD_TYPE_MULTI_PART:
        return None
    for part in buffer.parts:
        if part.data_type == gentl.PARTDATATYPE_IDS.PART_DATATYPE_2D_IMAGE:
            return part
    raise CameraError("the camera sends no two-dimensional image", "switch off its 3D components")
