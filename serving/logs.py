"""Logs of the serving process: a line of JSON for each event, with the request that it belongs to."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

from serving.witness import current

_ANYBODY_S = {"Invalid HTTP request received.", "Unsupported upgrade request."}
"""What uvicorn would say of each request that is none, which needs no key and has no end."""


def configure() -> None:
    """From now on, all that this process logs is a line of JSON on stderr."""
    import structlog

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper("iso", utc=True),
                _add_request,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("serving").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in _ANYBODY_S)


def _add_request(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request = current.get()
    if request is not None:
        event["request_id"] = request.id
    return event
