"""Logs: JSON a line, and whatever way a name takes, it does not come through."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from medvox.core.errors import FormatError
from medvox.workflows.node.monitoring.logs import HIDDEN, Plain, set_up_logs

NAMES = [
    "DOE^JANE",
    "Doe, Jane",
    "JANE",
    "山田^太郎",
    "Müller-Lüdenscheidt",
    "19400101",
    "ID-4711",
    "1940.01.01",
    "1.2\nDOE",
]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    written = io.StringIO()
    set_up_logs("debug", written)
    yield written
    root.handlers.clear()
    for one in before:
        root.addHandler(one)
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def raising(name: str) -> None:
    try:
        int(f"patient {name} is not here")
    except ValueError:
        logging.getLogger("medvox.test").exception("it failed for %s", name)


def warned(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"value of {name} is odd", UserWarning, stacklevel=1)


WAYS: list[Callable[[str], None]] = [
    lambda name: logging.getLogger("medvox.test").warning("got %s and %r", name, name),
    lambda name: logging.getLogger("medvox.test").warning("got %(name)s", {"name": name}),
    lambda name: logging.getLogger("medvox.test").warning("got %s", [name]),
    lambda name: logging.getLogger("medvox.test").warning("got %s", ValueError(name)),
    lambda name: logging.getLogger("medvox.test").warning("got %s", Path("/data") / name.replace("/", "_")),
    lambda name: logging.getLogger("medvox.test").warning("got %d", name),
    lambda name: logging.getLogger("medvox.test").warning("got %s", {"name": name}, extra={"name_": name}),
    lambda name: logging.getLogger("medvox.test").warning("got it", stack_info=True, extra={"who": name}),
    lambda name: logging.getLogger("pydicom").warning(f"Invalid value {name}"),  # noqa: G004
    lambda name: logging.getLogger("pydicom").warning("Invalid value %s", name),
    lambda name: logging.getLogger("uvicorn.error").error(f"boom {name}"),  # noqa: G004
    lambda name: logging.getLogger("medvoxlike").error(f"boom {name}"),  # noqa: G004
    lambda name: logging.getLogger().error(f"boom {name}"),  # noqa: G004
    raising,
    warned,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", range(len(WAYS)))
@pytest.mark.filterwarnings("always::UserWarning")
def test_names_do_not_come_through(stream: io.StringIO, way: int, name: str) -> None:
    WAYS[way](name)
    (line,) = lines(stream)
    assert set(line) == {"time", "level", "logger", "message"}
    for part in (name, name.split("^", maxsplit=1)[0], json.dumps(name).strip('"')):
        assert part not in json.dumps(line["message"], ensure_ascii=False)


def test_what_helps_comes_through(stream: io.StringIO) -> None:
    log = logging.getLogger("medvox.node")
    log.info("association of %s at %s with %d contexts", Plain("CT 1"), "10.0.0.7", 3)
    log.warning("refused %s after %.1f s: %s", "1.2.840.10008.1", 2.54, FormatError("it is cut", got=5))
    log.error("failed: %s", "ValueError")
    raising("DOE^JANE")
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 12)
    messages = [line["message"] for line in lines(stream)]
    assert messages[:3] == [
        "association of CT 1 at 10.0.0.7 with 3 contexts",
        "refused 1.2.840.10008.1 after 2.5 s: it is cut (got 5)",
        "failed: ValueError",
    ]
    assert messages[3].startswith(f"it failed for {HIDDEN} ValueError at test_logs.py:")
    assert messages[4] == "Started server process [12]"
    assert [line["level"] for line in lines(stream)] == ["info", "warning", "error", "error", "info"]


def test_the_web_server_gets_no_way_past_the_filter(stream: io.StringIO) -> None:
    for past in (True, False):
        config = {} if past else {"log_config": None}
        uvicorn.Config(lambda: None, log_level="warning", **config)  # type: ignore[arg-type]
        if past:
            set_up_logs("debug", stream)
        try:
            int("DOE^JANE")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert [line["message"].split(" at ")[0] for line in lines(stream)] == [f"{HIDDEN} ValueError"] * 2


def test_a_message_is_one_line(stream: io.StringIO) -> None:
    logging.getLogger("medvox.node").info("first\nsecond %s", Plain("a\nb"))
    assert len(stream.getvalue().splitlines()) == 1
    assert lines(stream)[0]["message"] == "first\nsecond a\nb"
