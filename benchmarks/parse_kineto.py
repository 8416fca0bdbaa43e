"""Time and memory to read a torch.profiler trace, compared with the libraries that could do it.

Each case runs in a process of its own on the same file, written as torch writes it: pretty-printed,
in one line, gzipped. Every case reads start and duration of the kernels, of the runtime calls and
of the ranges; then small files say whether its times are exact, and what it survives of the invalid
JSON that profilers have written.

    ours           moeprof's reader: the text is split into events, msgspec decodes each
    parse          the same, attributed and written as Parquet: all that `moeprof parse` does
    split-json     the same split, but the standard library decodes each event
    split-orjson   the same split, but orjson decodes each event
    json           the standard library, of the whole text
    orjson         orjson, of the whole text
    msgspec        msgspec, of the whole text, events as typed structs
    msgspec-raw    msgspec, of the whole text, events as views of their text, decoded one by one
    simdjson       pysimdjson, of the whole text
    ijson          ijson with yajl2_c, as a stream
    json-stream    json-stream with its tokenizer in Rust, as a stream

Peers that are not installed are left out: `pip install ijson json-stream orjson pysimdjson`.

A child's ru_maxrss starts at its parent's peak, so this process imports only the standard library.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("kernel", "cuda_runtime", "user_annotation")
FULL_MB = 280
Sums = tuple[int, int, int]  # kernels, sum of all starts, sum of all durations, in ns


def exact_ns(microseconds: Any) -> int:
    """Whole ns of a time in microseconds, without another rounding than its own."""
    return round(Decimal(microseconds) * 1000)


def summed(events: Iterable[Any], get: Callable[[Any, str], Any]) -> Sums:
    """Sum up the events that a reader of a trace needs."""
    kernels = starts_ns = durations_ns = 0
    for event in events:
        category = get(event, "cat")
        if category in KEPT:
            kernels += category == "kernel"
            starts_ns += exact_ns(get(event, "ts"))
            durations_ns += exact_ns(get(event, "dur"))
    return kernels, starts_ns, durations_ns


def by_key(event: Any, name: str) -> Any:
    """Field of an event that is a mapping."""
    return event.get(name)


def ours(trace: Path, out: Path) -> Sums:
    """Read the trace as moeprof does."""
    from moeprof.parsers.kineto.events import Kind, KinetoEvents

    kernels = starts_ns = durations_ns = 0
    for event in KinetoEvents(trace):
        kernels += event.kind is Kind.KERNEL
        starts_ns += event.start_ns or 0
        durations_ns += event.duration_ns or 0
    return kernels, starts_ns, durations_ns


def parse(trace: Path, out: Path) -> Sums:
    """Do all that `moeprof parse` does."""
    from moeprof.pipeline.parse import parse_trace

    parsed = parse_trace(trace, out / "tables")
    return parsed.rows["launches"], 0, 0


def split_json(trace: Path, out: Path) -> Sums:
    """Split as ours does, and decode each event by the standard library."""
    from moeprof.parsers.kineto.elements import Elements

    decode = json.JSONDecoder(parse_float=str).decode
    return summed((decode(element.text.decode()) for element in Elements(trace)), by_key)


def split_orjson(trace: Path, out: Path) -> Sums:
    """Split as ours does, and decode each event by orjson."""
    orjson: Any = importlib.import_module("orjson")
    from moeprof.parsers.kineto.elements import Elements

    return summed((orjson.loads(element.text) for element in Elements(trace)), by_key)


def whole_json(trace: Path, out: Path) -> Sums:
    """Decode the whole text by the standard library."""
    return summed(json.loads(trace.read_bytes())["traceEvents"], by_key)


def whole_orjson(trace: Path, out: Path) -> Sums:
    """Decode the whole text by orjson."""
    orjson: Any = importlib.import_module("orjson")
    return summed(orjson.loads(trace.read_bytes())["traceEvents"], by_key)


def typed_msgspec(trace: Path, out: Path) -> Sums:
    """Decode the whole text by msgspec, into structs with the fields that are read."""
    import msgspec

    fields = [(name, Any, None) for name in ("ph", "cat", "name", "pid", "tid", "ts", "dur")]
    event = msgspec.defstruct("Event", [*fields, ("args", msgspec.Raw, msgspec.Raw())], gc=False)
    body = msgspec.defstruct("Body", [("traceEvents", list[event])])  # type: ignore[valid-type]
    decoder = msgspec.json.Decoder(body, float_hook=str)
    decoded: Any = decoder.decode(trace.read_bytes())
    return summed(decoded.traceEvents, getattr)


def raw_msgspec(trace: Path, out: Path) -> Sums:
    """Decode the whole text by msgspec into views of each event, and those one by one."""
    import msgspec

    fields = [(name, Any, None) for name in ("ph", "cat", "name", "pid", "tid", "ts", "dur")]
    event = msgspec.defstruct("Event", [*fields, ("args", msgspec.Raw, msgspec.Raw())], gc=False)
    body = msgspec.defstruct("Body", [("traceEvents", list[msgspec.Raw])])
    decoded: Any = msgspec.json.decode(trace.read_bytes(), type=body)
    decode = msgspec.json.Decoder(event, float_hook=str).decode
    return summed(map(decode, decoded.traceEvents), getattr)


def simdjson(trace: Path, out: Path) -> Sums:
    """Decode the whole text by simdjson, and look only at what is needed."""
    library: Any = importlib.import_module("simdjson")
    document = library.Parser().parse(trace.read_bytes())
    return summed(document["traceEvents"], by_key)


def ijson(trace: Path, out: Path) -> Sums:
    """Stream the events by ijson; a number with decimals is a Decimal."""
    library: Any = importlib.import_module("ijson.backends.yajl2_c")
    with trace.open("rb") as file:
        return summed(library.items(file, "traceEvents.item"), by_key)


def json_stream(trace: Path, out: Path) -> Sums:
    """Stream the events by json-stream."""
    library: Any = importlib.import_module("json_stream")
    with trace.open("rb") as file:
        events = library.load(file)["traceEvents"]
        return summed(map(library.to_standard_types, events), by_key)


CASES: dict[str, tuple[Callable[[Path, Path], Sums], str]] = {
    "ours": (ours, "msgspec"), "parse": (parse, "msgspec"), "split-json": (split_json, "json"),
    "split-orjson": (split_orjson, "orjson"), "json": (whole_json, "json"),
    "orjson": (whole_orjson, "orjson"), "msgspec": (typed_msgspec, "msgspec"),
    "msgspec-raw": (raw_msgspec, "msgspec"), "simdjson": (simdjson, "simdjson"),
    "ijson": (ijson, "ijson"), "json-stream": (json_stream, "json_stream"),
}  # fmt: skip
KERNEL = (
    b'{"ph": "X", "cat": "kernel", "name": "k", "ts": 1753800000123456.789, "dur": 0.641, "tid": 7}'
)
OTHER = b'{"ph": "X", "cat": "cpu_op", "name": "%s", "ts": 1.5, "dur": 1, "args": {"x": %s}}'
ODD = {  # files of one kernel and one other event, which nobody needs
    "exact": OTHER % (b"op", b"1"),
    "escape": OTHER % (rb"C:\Users", b"1"),
    "control": OTHER % (b"a\tb", b"1"),
    "latin-1": OTHER % (b"caf\xe9", b"1"),
    "nan": OTHER % (b"op", b"NaN"),
}
ODD_SUMS = (1, 1_753_800_000_123_456_789, 641)


def child(case: str, trace: Path, out: Path) -> None:
    """Run one case and print what it took as JSON."""
    began = time.perf_counter()
    sums = CASES[case][0](trace, out)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "seconds": time.perf_counter() - began,
        "peak_mib": usage.ru_maxrss / 1024,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "sums": sums,
    }
    print(json.dumps(result))


def run(case: str, trace: Path, out: Path) -> dict[str, Any]:
    """Run one case in a process of its own; `error` says why it failed."""
    command = [sys.executable, __file__, "--child", case, str(trace), str(out)]
    ended = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    row: dict[str, Any] = {"case": case, "file": trace.name, "load": os.getloadavg()[0]}
    if ended.returncode:
        return row | {"error": ended.stderr.strip().splitlines()[-1:]}
    row |= json.loads(ended.stdout)
    return row


def survives(case: str, folder: Path) -> dict[str, Any]:
    """Whether a case reads its kernel, to the ns, from each odd file."""
    found: dict[str, Any] = {}
    for name, event in ODD.items():
        trace = folder / f"{name}.json"
        trace.write_bytes(b'{"traceEvents": [' + event + b", " + KERNEL + b"]}")
        row = run(case, trace, folder)
        sums = tuple(row.get("sums", ()))
        exact = sums == ODD_SUMS if case != "parse" else sums[:1] == ODD_SUMS[:1]
        found[name] = exact if name == "exact" else sums[:1] == ODD_SUMS[:1]
    return {"case": case, "survives": found}


def measure(
    cases: Sequence[str], traces: Sequence[Path], folder: Path, repeats: int
) -> list[dict[str, Any]]:
    """Run every case on the first file, and ours on all files, in turns."""
    rows = []
    for _ in range(repeats):
        for trace in traces:
            for case in cases if trace == traces[0] else ("ours", "parse"):
                rows.append(run(case, trace, folder))
                print(_line(rows[-1]), flush=True)
    for case in cases:
        rows.append(survives(case, folder))
        kept = [name for name, good in rows[-1]["survives"].items() if good]
        print(f"{case:14}reads: {', '.join(kept)}", flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['case']:14}{row['file']:14}failed: {row['error']}"
    took = f"{row['seconds']:8.2f} s{row['cpu_s']:8.2f} s of CPU{row['peak_mib']:8.0f} MiB"
    return f"{row['case']:14}{row['file']:14}{took}"


def check(rows: Sequence[dict[str, Any]]) -> None:
    """Compare what the cases read with ours; raises SystemExit where one differs."""
    expected = {row["file"]: row["sums"] for row in rows if row["case"] == "ours" and "sums" in row}
    for row in rows:
        if "sums" in row and row["sums"][0] != expected[row["file"]][0]:
            raise SystemExit(f"{row['case']} finds other kernels in {row['file']} than ours")
    if len({tuple(sums) for sums in expected.values()}) != 1:
        raise SystemExit("ours reads other times from another form of the same trace")


def goals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare time and memory of `moeprof parse` with the goals, on each form of the trace."""
    met = []
    parsed = [row for row in rows if row["case"] == "parse" and "seconds" in row]
    for file in dict.fromkeys(row["file"] for row in parsed):
        for key, unit, goal in (("peak_mib", "MiB", 600 * 1e6 / 2**20), ("seconds", "s", 15)):
            value = min(row[key] for row in parsed if row["file"] == file)
            name = f"{file}, {key}"
            met.append({"name": name, "value": value, "unit": unit, "goal": goal,
                        "met": value <= goal})  # fmt: skip
    return met


def generate(folder: Path, quick: bool, seed: int) -> list[Path]:
    """Write the trace in its three forms, in processes of their own: see the module's docstring."""
    script = Path(__file__).parent / "traces" / "synthetic_kineto.py"
    size_mb = FULL_MB / 20 if quick else FULL_MB
    traces = [folder / name for name in ("t.json", "line.json", "t.json.gz")]
    for trace in traces:
        command = [sys.executable, str(script), str(trace), f"--mb={size_mb}", f"--seed={seed}"]
        command += ["--one-line"] if trace.name == "line.json" else []
        subprocess.run(command, check=True)
    return traces


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / ".path"), "PYTHONSAFEPATH": "1"}


def main() -> None:
    """Run the benchmark as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, one repeat")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, help="folder of traces to use instead")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], *map(Path, given.child[1:]))
        return
    cases = [case for case, (_, package) in CASES.items() if importlib.util.find_spec(package)]
    with tempfile.TemporaryDirectory() as folder:
        if given.data:
            traces = sorted(given.data.glob("*.json*"))
            rows = [run(case, trace, Path(folder)) for trace in traces for case in cases]
            print(*map(_line, rows), sep="\n")
            met = []
        else:
            traces = generate(Path(folder), given.quick, given.seed)
            rows = measure(cases, traces, Path(folder), 1 if given.quick else 3)
            check(rows)
            met = goals(rows)
    for goal in met:
        verdict = "met" if goal["met"] else "MISSED"
        print(
            f"{goal['name']:28}{goal['value']:8.2f} {goal['unit']:6} {goal['goal']:6.0f} {verdict}"
        )
    machine = {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count(),
               "python": platform.python_version()}  # fmt: skip
    if given.json:
        body = {"machine": machine, "seed": given.seed, "rows": rows, "goals": met}
        given.json.write_text(json.dumps(body, indent=2))


if __name__ == "__main__":
    main()
