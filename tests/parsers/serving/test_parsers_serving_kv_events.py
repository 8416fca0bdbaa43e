"""Events of a KV cache, as arrays or objects: the size of a block, and how long copies take."""

import json
from pathlib import Path

import pytest

from moeprof.parsers.serving.kv_events import read_kv_events
from moeprof.store.errors import BadInput

BATCHES: list[tuple[float, list[dict[str, object]]]] = [
    (10.0, [{
        "type": "BlockStored", "block_hashes": [1], "parent_block_hash": None,
        "token_ids": [5, 6], "block_size": 32,
    }]),
    (10.5, [
        {"type": "TransferInitiated", "transfer_id": 1, "request_id": "a", "source_medium": "GPU",
         "dest_medium": "CPU", "block_count": 4},
        {"type": "AllBlocksCleared"},
    ]),
    (10.501, [
        {"type": "TransferCompleted", "transfer_id": 1, "request_id": "a", "source_medium": "GPU",
         "dest_medium": "CPU", "block_count": 4, "success": True},
    ]),
]  # fmt: skip


def as_objects() -> list[object]:
    """As the released vLLM encodes them."""
    return [{"ts": time_s, "events": events} for time_s, events in BATCHES]


def as_arrays() -> list[object]:
    """As the fork's subscriber writes them."""
    return [
        [time_s, [list(event.values()) for event in events], None, 7] for time_s, events in BATCHES
    ]


def written(path: Path, batches: list[object]) -> Path:
    path.write_text("".join(json.dumps(batch) + "\n" for batch in batches))
    return path


@pytest.mark.parametrize("form", [as_objects, as_arrays])
def test_both_forms_tell_the_same(form: object, tmp_path: Path) -> None:
    batches = as_objects() if form is as_objects else as_arrays()
    found = read_kv_events(written(tmp_path / "kv.jsonl", batches))
    assert found.block_tokens == 32
    assert found.counts == {
        "BlockStored": 1, "TransferInitiated": 1, "AllBlocksCleared": 1, "TransferCompleted": 1,
    }  # fmt: skip
    assert found.transfer_us == pytest.approx([1000], rel=1e-6)
    assert found.transfer_blocks.tolist() == [4]
    assert found.transfer_media == ("GPU to CPU",)
    assert found.broken_lines == 0


def test_a_line_that_is_cut_is_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "kv.jsonl", as_arrays())
    path.write_text(path.read_text()[:-30])
    found = read_kv_events(path)
    assert (found.broken_lines, len(found.transfer_us)) == (1, 0)


def test_a_transfer_that_failed_has_no_time(tmp_path: Path) -> None:
    batches = json.loads(json.dumps(as_objects()))
    batches[2]["events"][0]["success"] = False
    assert len(read_kv_events(written(tmp_path / "kv.jsonl", batches)).transfer_us) == 0


def test_blocks_of_several_sizes_have_none(tmp_path: Path) -> None:
    batches = json.loads(json.dumps([*as_objects(), as_objects()[0]]))
    batches[3]["events"][0]["block_size"] = 16
    assert read_kv_events(written(tmp_path / "kv.jsonl", batches)).block_tokens is None


def test_a_file_without_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no events"):
        read_kv_events(written(tmp_path / "kv.jsonl", [{"ts": 1.0, "events": []}]))
