"""Reads what a tap writes: every RECORD counted, a few kept; cheap enough not to hold the tap up."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from typing import Any

_RECORD = b'"RECORD"'
_CHUNK = 1 << 20
_MOST_SAMPLES = 200


class Reader(threading.Thread):
    """Reads a pipe to its end.

    Attributes:
        records: RECORD lines seen.
        samples: Records of some of them.
        size: Bytes seen.
    """

    def __init__(self, descriptor: int) -> None:
        """Read ``descriptor`` once started."""
        super().__init__(daemon=True)
        self._descriptor = descriptor
        # So that the writer need not wait while a chunk is counted.
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CHUNK)
        self.records = 0
        self.size = 0
        self._sampled: list[bytes] = []

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Records to compare with what was served."""
        messages = (json.loads(line) for line in self._sampled)
        records = [message["record"] for message in messages if message.get("type") == "RECORD"]
        # Airbyte wraps each record once more.
        return [record["data"] if "emitted_at" in record else record for record in records]

    def run(self) -> None:
        """Count until the writer is gone."""
        pieces: list[bytes] = []
        held = 0
        while piece := os.read(self._descriptor, _CHUNK):
            pieces.append(piece)
            held += len(piece)
            if held >= _CHUNK:
                tail = self._count(b"".join(pieces))
                pieces, held = [tail], len(tail)
        self._count(b"".join(pieces) + b"\n")
        os.close(self._descriptor)

    def _count(self, chunk: bytes) -> bytes:
        end = chunk.rfind(b"\n") + 1
        self.records += chunk.count(_RECORD, 0, end)
        self.size += end
        if len(self._sampled) < _MOST_SAMPLES:
            start = chunk.rfind(_RECORD, 0, end)
            if start >= 0:
                start = chunk.rfind(b"\n", 0, start) + 1
                self._sampled.append(chunk[start : chunk.index(b"\n", start)])
        return chunk[end:]
