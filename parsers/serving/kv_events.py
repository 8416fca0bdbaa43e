"""Events of vLLM's KV cache, as its subscriber writes them: one batch of events per line.

A batch is `[ts, events, rank, step]` and an event `["TransferInitiated", ...]` with its fields in
order, or both are objects with `ts`, `events` and `type` (inference-sim/vllm f6ec81c7 and
vllm-project/vllm 0181ea31, vllm/distributed/kv_events.py). Blocks are stored and removed on the
GPU; transfers copy blocks between the GPU and the host's memory or a disk.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ..kineto.list_window import LARGEST_PART_BYTES
from ..kineto.text import text_blocks

_DECODER: Final = msgspec.json.Decoder()
_STORED, _INITIATED, _COMPLETED = "BlockStored", "TransferInitiated", "TransferCompleted"
# Places of the fields of an event that is an array, after its type.
_FIELDS: Final = {
    _STORED: ("block_hashes", "parent_block_hash", "token_ids", "block_size"),
    _INITIATED: ("transfer_id", "request_id", "source_medium", "dest_medium", "block_count"),
    _COMPLETED: (
        "transfer_id", "request_id", "source_medium", "dest_medium", "block_count", "success",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KvEvents:
    """What the events of a file tell.

    `block_tokens`: tokens of a block, None where no block was stored or sizes differ. `counts`:
    events by type. `transfer_us` and `transfer_blocks`, of shape (n,), are those of the transfers
    that completed, from one medium to another as `transfer_media` names them; times are those of
    batches, of which one holds a step's events. `broken_lines` were left out.
    """

    block_tokens: int | None
    counts: dict[str, int]
    transfer_us: Float64
    transfer_blocks: Float64
    transfer_media: tuple[str, ...]
    broken_lines: int


def is_kv_events(line: bytes) -> bool:
    """Whether a line is a batch of events: `[ts, [...], ...]`, or an object with both."""
    try:
        batch = _DECODER.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        return False
    if isinstance(batch, dict):
        return "ts" in batch and isinstance(batch.get("events"), list)
    is_batch = isinstance(batch, list) and len(batch) > 1 and isinstance(batch[1], list)
    return is_batch and isinstance(batch[0], int | float)


def read_kv_events(path: Path) -> KvEvents:
    """Read a file of events. Raises BadInput where it holds none, or cannot be read."""
    counts: Counter[str] = Counter()
    sizes: set[int] = set()
    begun: dict[int, float] = {}
    ended: list[tuple[float, float, str]] = []
    batches = _Batches(path)
    for time_s, event in batches:
        kind = event.get("type")
        counts[str(kind)] += 1
        if kind == _STORED and isinstance(event.get("block_size"), int):
            sizes.add(event["block_size"])
        elif kind == _INITIATED:
            begun[event.get("transfer_id", -1)] = time_s
        elif kind == _COMPLETED and event.get("success", True):
            began_s = begun.pop(event.get("transfer_id", -1), None)
            if began_s is not None and time_s >= began_s:
                media = f"{event.get('source_medium')} to {event.get('dest_medium')}"
                blocks = float(event.get("block_count") or 0)
                ended.append((1e6 * (time_s - began_s), blocks, media))
    if not counts:
        raise BadInput(
            f"{path} holds no events of a KV cache",
            hint="give the lines that kv_events_subscriber.py of vLLM wrote",
        )
    return KvEvents(
        block_tokens=sizes.pop() if len(sizes) == 1 else None,
        counts=dict(counts.most_common()),
        transfer_us=np.asarray([one[0] for one in ended], dtype=np.float64),
        transfer_blocks=np.asarray([one[1] for one in ended], dtype=np.float64),
        transfer_media=tuple(one[2] for one in ended),
        broken_lines=batches.broken_lines,
    )


class _Batches:
    """Iterates over the events of a file with the time of their batch, in s."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken_lines = 0

    def __iter__(self) -> Iterator[tuple[float, dict[str, Any]]]:
        for line in _lines(self.path):
            try:
                batch = _DECODER.decode(line)
                time_s, events = (
                    (batch["ts"], batch["events"]) if isinstance(batch, dict) else batch[:2]
                )
                read = [(float(time_s), _event(event)) for event in events]
            except (
                msgspec.MsgspecError, KeyError, TypeError, ValueError, IndexError, RecursionError,
            ):  # fmt: skip
                self.broken_lines += 1
                continue
            yield from read


def _event(event: Any) -> dict[str, Any]:
    """An event as an object; ValueError or TypeError where it is none."""
    if isinstance(event, dict):
        return event
    kind, *values = event
    return {"type": kind} | dict(zip(_FIELDS.get(kind, ()), values, strict=False))


def _lines(path: Path) -> Iterator[bytes]:
    """Lines that are not empty. Raises BadInput for one of more than 16 MiB."""
    rest = b""
    for block in text_blocks(path):
        *lines, rest = (rest + block).split(b"\n")
        yield from (line for line in lines if line.strip())
        if len(rest) > LARGEST_PART_BYTES:
            raise BadInput(
                f"{path} has a line of more than {LARGEST_PART_BYTES >> 20} MiB",
                hint="give the lines that kv_events_subscriber.py of vLLM wrote",
            )
    if rest.strip():
        yield rest
