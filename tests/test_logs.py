"""The log file takes whatever there is to say."""

import logging
from pathlib import Path

import pytest

from inspector_core.logs import log_file, log_to


def test_a_file_name_that_is_no_text_is_logged_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        path = log_to(tmp_path)
        assert log_file() == path
        name = b"caf\xe9.png".decode(errors="surrogateescape")
        logging.getLogger("norma.test").warning("skipped: %s", name)
        assert "skipped: caf\\udce9.png" in path.read_text(encoding="utf-8")
    finally:
        for handler in [handler for handler in root.handlers if handler not in before]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
    assert capsys.readouterr().err == ""
