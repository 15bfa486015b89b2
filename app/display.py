"""Whether a window can be opened here; asked first, because Qt ends the process where it can't."""

import ctypes
import os
import sys


def obstacle() -> str:
    """Why no window can be opened, as a clause; empty where nothing speaks against it."""
    if not sys.platform.startswith("linux"):
        return ""
    if not os.environ.get("QT_QPA_PLATFORM"):
        reason = _no_server()
        if reason:
            return reason
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        return f"Qt lacks a system library: {error}"
    return ""


def _no_server() -> str:
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    display = os.environ.get("DISPLAY")
    if not display:
        return "there is no display"
    try:
        ctypes.CDLL("libxcb-cursor.so.0")  # without it Qt's X11 plugin aborts
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        return f"Qt lacks a system library: {error}"
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return f"the display {display} does not answer" if refused else ""
