"""Listing, reading and writing the features of a GenICam node map; lives in the camera process only."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

from genicam import genapi

from inspector_core.cameras.camera import Feature, FeatureValue
from inspector_core.errors import CameraError

Kind = Literal["integer", "float", "boolean", "enumeration", "string", "command"]
T = TypeVar("T")

_KINDS: dict[str, Kind] = {
    "IInteger": "integer",
    "IFloat": "float",
    "IBoolean": "boolean",
    "IEnumeration": "enumeration",
    "IString": "string",
    "ICommand": "command",
}
_MODE = genapi.EAccessMode


def list_features(node_map: Any) -> list[Feature]:
    """Implemented features in the order of the camera's tree, without registers and invisible nodes."""
    found: dict[str, Feature] = {}
    for node, category in _walk(node_map.Root, "Root"):
        feature = _describe(node, category)
        if feature is not None:
            found.setdefault(feature.name, feature)
    return list(found.values())


def write_feature(node_map: Any, name: str, value: FeatureValue) -> bool:
    """Set a feature, or execute it where it is a command.

    Returns:
        Whether the feature keeps the value; a command does not, so it is not for repeating.

    Raises:
        CameraError: naming the feature, the value and the range.
    """
    try:
        node = getattr(node_map, name)
    except Exception:
        raise CameraError(f"the camera has no feature {name}", "remove it or correct its name") from None
    feature = _describe(node, "")
    if feature is None:
        raise CameraError(f"the camera's feature {name} can't be set here", "choose another feature")
    if not feature.writable:
        remedy = "stop the camera first, or change the feature that locks it"
        raise CameraError(f"the camera's feature {name} can't be set to {value} now", remedy)
    suited = _suited(feature, value)
    if suited is None:
        raise CameraError(f"the camera's feature {name} can't be {value}", _range_in_words(feature))
    try:
        if feature.kind == "command":
            node.execute()
        else:
            node.value = suited
    except Exception as error:
        problem = f"the camera refuses {value} for {name} ({str(error).split(' : ')[0].rstrip('. ')})"
        raise CameraError(problem, _range_in_words(feature)) from error
    return feature.kind != "command"


def _walk(category: Any, name: str) -> Iterator[tuple[Any, str]]:
    nodes: list[Any] = _try(lambda: list(category.features), [])
    for node in nodes:
        if type(node).__name__ == "ICategory":
            yield from _walk(node, str(node.node.name))
        else:
            yield node, name


def _describe(node: Any, category: str) -> Feature | None:
    kind = _KINDS.get(type(node).__name__)
    mode = _try(node.get_access_mode, _MODE.NA)
    invisible = _try(lambda: int(node.node.visibility), 0) == int(genapi.EVisibility.Invisible)
    if kind is None or mode == _MODE.NI or invisible:
        return None
    # A node can be readable by its mode and raise all the same (chunk values without a frame).
    value = _try(lambda: node.value, None) if kind != "command" and mode in (_MODE.RO, _MODE.RW) else None
    numeric = kind in ("integer", "float")
    minimum = _try(lambda: node.min, None) if numeric else None
    maximum = _try(lambda: node.max, None) if numeric else None
    stepped = kind == "integer" or (kind == "float" and _try(node.has_inc, False))
    return Feature(
        name=str(node.node.name),
        kind=kind,
        value=value,
        writable=mode in (_MODE.RW, _MODE.WO),
        minimum=minimum,
        maximum=maximum,
        increment=_try(lambda: node.inc, None) if stepped else None,
        choices=tuple(_try(lambda: node.symbolics, ())) if kind == "enumeration" else (),
        unit=str(_try(lambda: node.unit, "")) if numeric else "",
        category=category,
        description=str(_try(lambda: node.node.description, "") or _try(lambda: node.node.tooltip, "")),
    )


def _suited(feature: Feature, value: FeatureValue) -> FeatureValue | None:
    """`value` as the node takes it, or None where it is of the wrong kind or out of range."""
    if feature.kind == "command":
        return True
    if feature.kind == "boolean":
        return bool(value) if isinstance(value, bool | int) and value in (0, 1) else None
    if feature.kind == "string":
        return value if isinstance(value, str) else None
    if feature.kind == "enumeration":
        return value if value in feature.choices else None
    if isinstance(value, bool | str):
        return None
    low, high = feature.minimum, feature.maximum
    if not (low if low is not None else value) <= value <= (high if high is not None else value):
        return None
    if feature.kind == "float":
        return float(value)
    if int(value) != value or (feature.increment and (value - (low or 0)) % feature.increment):
        return None
    return int(value)


def _range_in_words(feature: Feature) -> str:
    if feature.kind == "boolean":
        return "choose true or false"
    if feature.kind == "enumeration":
        return f"choose one of {', '.join(feature.choices)}"
    if feature.kind == "string":
        return "give a text"
    step = f" in steps of {feature.increment:g}" if feature.increment and feature.increment != 1 else ""
    if feature.minimum is None or feature.maximum is None:
        return "choose a number"
    return f"choose a value from {feature.minimum:g} to {feature.maximum:g}{step}"


def _try(read: Callable[[], T], otherwise: T) -> T:
    """What a node says, or `otherwise` where it is not available now."""
    try:
        return read()
    except Exception:
        return otherwise
