"""Three layouts of GPU metrics, one set of readings."""

import json
import struct
from collections.abc import Callable

import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.clock import session_clock
from moeprof.parsers.nsys.export import open_export
from moeprof.parsers.nsys.gpu_metric_layouts import NOT_WANTED, read_layouts
from moeprof.tests.nsys_file import NsysFile

TYPE = 281479271677952  # the typeId that nsys writes for GPU 0
END_TYPE = TYPE + 512  # the typeId of a second set of metrics of GPU 0
QUANTITIES = {"SM Active": 0, "GPC Clock Frequency": 1}
SAMPLES = [(100, 40, 1_950_000_000), (200, 60, 2_330_513_255)]


def _quantity_of(name: str) -> int:
    return QUANTITIES.get(name, NOT_WANTED)


def _read(file: NsysFile) -> list[tuple[int, int, int, float]]:
    with open_export(file.close()) as export:
        pieces = read_layouts(export, export.strings(), session_clock(export), _quantity_of)
        return sorted(
            (int(type_id), int(time), int(quantity), float(value))
            for each in pieces
            for type_id, time, quantity, value in zip(
                each.type_id, each.time_ns, each.quantity, each.value, strict=True
            )
        )


def _as_table(file: NsysFile, ids: tuple[int, int] = (0, 1)) -> None:
    for metric, name in zip(ids, QUANTITIES, strict=True):
        file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=metric, metricName=name)
    for time, *values in SAMPLES:
        for metric, value in zip(ids, values, strict=True):
            wrapped = value - 2**32 if value >= 2**31 else value
            file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=metric, value=wrapped)


def _as_json(file: NsysFile) -> None:
    for time, active, clock in SAMPLES:
        data = {"SM Active": str(active), "GPC Clock Frequency": str(clock), "GR Active": "3"}
        file.add("GENERIC_EVENTS", rawTimestamp=time, typeId=TYPE, data=json.dumps(data))


def _as_fields(file: NsysFile) -> None:
    for field, name in enumerate(["GR Active", *QUANTITIES]):
        file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=TYPE, fieldIdx=field,
                 fieldNameId=file.string(name), type=1)  # fmt: skip
    for event, (time, active, clock) in enumerate(SAMPLES):
        file.add("GENERIC_EVENTS", genericEventId=90 - event, timestamp=time, typeId=TYPE)
        values: list[dict[str, float]] = [
            {"uintVal": 7}, {"floatVal": float(active)}, {"intVal": clock}
        ]  # fmt: skip
        for field, value in enumerate(values):
            file.add("GENERIC_EVENT_DATA", genericEventId=90 - event, fieldIdx=field, **value)


EXPECTED = sorted(
    (TYPE, time, quantity, float(value))
    for time, *values in SAMPLES
    for quantity, value in enumerate(values)
)


@pytest.mark.parametrize("layout", [_as_table, _as_json, _as_fields])
def test_every_layout_gives_the_same_readings(
    nsys_file: Callable[..., NsysFile], layout: Callable[[NsysFile], None]
) -> None:
    file = nsys_file()
    layout(file)
    assert _read(file) == EXPECTED


def test_where_json_and_table_hold_the_same_values_each_is_read_once(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    _as_table(file)
    _as_json(file)
    assert _read(file) == EXPECTED


def test_ids_of_metrics_may_be_permuted(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    _as_table(file, ids=(14, 6))
    assert _read(file) == EXPECTED


def test_the_same_metric_id_of_another_type_is_another_metric(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    _as_table(file)
    name = "EndTimestamp"
    file.add("TARGET_INFO_GPU_METRICS", typeId=END_TYPE, metricId=0, metricName=name)
    file.add("GPU_METRICS", timestamp=100, typeId=END_TYPE, metricId=0, value=199)
    assert _read(file) == EXPECTED


def test_a_float_stored_as_its_bits_is_decoded(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=5, metricName="SM Active")
    file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=TYPE, fieldIdx=0,
             fieldNameId=file.string("SM Active"), type=2)  # fmt: skip
    (bits,) = struct.unpack("<i", struct.pack("<f", 37.5))
    file.add("GPU_METRICS", timestamp=1, typeId=TYPE, metricId=5, value=bits)
    assert _read(file) == [(TYPE, 1, 0, 37.5)]


@pytest.mark.parametrize(
    "data", ["{", '{"SM Active": "many"}', '{"SM Active": "nan"}', '{"SM Active": [1]}', b"\xff"]
)
def test_a_damaged_sample_is_left_out_and_counted(
    nsys_file: Callable[..., NsysFile], data: str | bytes
) -> None:
    file = nsys_file()
    for time, text in ((1, data), (2, '{"SM Active": "7"}')):
        file.add("GENERIC_EVENTS", rawTimestamp=time, typeId=TYPE, data=text)
    with open_export(file.close()) as export:
        pieces = list(read_layouts(export, {}, session_clock(export), _quantity_of))
        (sentence,) = export.sentences()
    assert [piece.value.tolist() for piece in pieces] == [[7.0]]
    assert f"1 {TraceWarning.BAD_CELLS}: 1 in GENERIC_EVENTS.data" in sentence


def test_values_from_before_the_session_are_left_out_and_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=5, metricName="SM Active")
    for metric, time in ((5, -3), (5, None), (5, 2**62), (5, 4), (6, -2)):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=metric, value=8)
    with open_export(file.close()) as export:
        (piece,) = read_layouts(export, {}, session_clock(export), _quantity_of)
        unnamed, sentence = sorted(export.sentences(), key=lambda each: "session" in each)
    assert f"1 {TraceWarning.UNNAMED_METRICS}" in unnamed
    assert piece.time_ns.tolist() == [4]
    assert f"3 {TraceWarning.SAMPLES_LEFT_OUT}" in sentence


def test_events_without_a_wanted_metric_are_skipped(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.add("GENERIC_EVENTS", rawTimestamp=1, typeId=3, data='{"Process": "x", "Power": "1"}')
    assert _read(file) == []
