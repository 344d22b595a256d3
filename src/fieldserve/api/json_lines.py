"""The log as JSON, one object a line, for machines to read: the setting `log_format` = json."""

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """at, level, logger and message, and the trace of an exception. The lines of requests are `request_log`'s."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line["message"] = record.getMessage()
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
