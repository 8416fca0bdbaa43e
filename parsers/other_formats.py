"""Files that people give in place of a trace, each refused by its name and with the way out."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from ..store.errors import BadInput
from .messages import Refusal
from .ncu.report import MAGIC as NCU_REPORT

_NSYS_REPORTS: Final = re.compile(rb"NVIDIA (Tegra Profiler Report|Nsight Systems Stream) ")
_NSYS_SUFFIXES: Final = (".nsys-rep", ".qdrep", ".qdstrm")
_SHOWN: Final = 40  # bytes or characters of an unknown file that a message shows


class _Kind(NamedTuple):
    """What a file is instead of a trace, and the way out."""

    reason: str
    hint: str

    def refusal(self, path: Path) -> BadInput:
        return BadInput(f"{path} {self.reason}", hint=self.hint)


def _archive(name: str) -> _Kind:
    return _Kind(f"{Refusal.ARCHIVE} ({name})", "unpack it, and name the trace in it")


def _nsys_export(name: str) -> _Kind:
    return _Kind(
        f"{Refusal.NSYS_OTHER_EXPORT}: it is {name}",
        "export the report again: nsys export --type sqlite REPORT.nsys-rep",
    )


_BY_FIRST_BYTES: Final = {
    rb"PK[\3\5][\4\6]": _archive("zip"),
    rb"\x28\xb5\x2f\xfd": _archive("zstd"),
    rb"\xfd7zXZ\0": _archive("xz"),
    rb"BZh[1-9]": _archive("bzip2"),
    rb"7z\xbc\xaf\x27\x1c": _archive("7z"),
    rb"\x04\x22\x4d\x18": _archive("lz4"),
    rb"\x1f\x8b": _archive("gzip in gzip"),
    rb".{257}ustar": _archive("tar"),
    rb"\x89HDF\r\n\x1a\n": _nsys_export("HDF5"),
    rb"ARROW1|\xff{4}..\0\0": _nsys_export("Arrow"),
    rb"PAR1": _nsys_export("Parquet"),
    # Of protocol 2 to 5, 1, and 0, which is text.
    rb"\x80[\2-\5]|[}\]]q\0|\([dl]p0\n|ccopy_reg\n|c[\w.]+\n\w+\np?\d": _Kind(
        Refusal.PICKLE, "export the trace itself: torch.profiler's export_chrome_trace(FILE)"
    ),
    rb"\0{100}": _Kind(
        Refusal.ZEROED, "copy, record or export it again: nsys export --type sqlite X.nsys-rep"
    ),
}
# By what the first characters contain; the first that fits is taken.
_BY_FIRST_TEXT: Final = {
    r"\Aversion https://git-lfs\.github\.com/spec/": _Kind(
        Refusal.LFS_POINTER, "fetch the file in its repository: git lfs pull"
    ),
    r"\A(?>\S*?/annex/objects/)\S++\s*\Z": _Kind(
        Refusal.ANNEX_POINTER, "fetch the file in its repository: git annex get"
    ),
    r"(?i)\A<(?:!doctype|!--|html|head|body|\?xml)|\A404: Not Found": _Kind(
        Refusal.WEB_PAGE, "open it to see what the server said, and download the trace again"
    ),
    r'\A\{"data":\["|\A\{"Type":\d+,"\w+":|\A\{"type":"String","id":|\A\{\s*"VmSystemInformation":'
    r'|"PidTidInfos":': _nsys_export("JSON"),
    r'(?m)\Adata: "\[Unknown\]"|^Type: \d+\s+\w+ \{$': _nsys_export("text"),
    r'(?m)^ *"?Time ?\(%\)"?(?:,| {2,})"?Total Time \(ns\)"?'
    r'|^ *"?Start \(ns\)"?(?:,| {2,})"?Duration \(ns\)"?'
    r"|^ \*\* [^\n]+ \(\w+\):$": _Kind(
        Refusal.NSYS_STATS, "give its report, or the report's export of type sqlite"
    ),
    r"(?m)\A(?![\s\S]*Process ID)[\s\S]*?^(?:==[A-Z]+== )?No metrics to collect found": _Kind(
        Refusal.NCU_NO_METRICS, "name what to collect: ncu --set full, or --metrics"
    ),
    r'\A\[\s*\{\s*"(?:children|frame|metrics)":': _Kind(
        Refusal.PROTON_TREE,
        "record times per launch: proton.start(NAME, data='trace'), torch.profiler or nsys",
    ),
    r'\A[\[{](?s:.*)"pid"\s*:\s*"(?:CPU|CUDA) functions"': _Kind(
        Refusal.OLD_AUTOGRAD, "record with torch.profiler (torch 1.8.1 or newer)"
    ),
    # The ways out copy the text as it is: jq would round the times, which are larger than a double
    # holds exactly.
    r'\A\[\s*\{(?s:.*)"ph"\s*:': _Kind(
        Refusal.EVENT_ARRAY,
        """wrap it: (printf '{"traceEvents":'; gzip -cdf FILE; printf '}') > TRACE.json""",
    ),
    r'\A\{(?!.*"traceEvents")(?=.*"ph"\s*:).*\}\s*\n\{': _Kind(
        Refusal.EVENT_LINES,
        """join them: (printf '{"traceEvents":['; paste -sd, FILE; printf ']}') > TRACE.json""",
    ),
    r'(?m)^==\d+== (?:NVPROF|Profiling|Warning|Error)|^"?Type"?,"?Time\(%\)"?,"?Time"?,'
    r'|^"?Start"?,"?Duration"?,"?Grid X"?,': _Kind(
        Refusal.NVPROF_CSV, "record with nsys: nsys profile -t cuda,nvtx"
    ),
}


def is_report(beginning: bytes) -> bool:
    """Whether a file with these first bytes is a report of ncu or nsys, or a capture of nsys."""
    # A capture begins with another mark.
    return beginning.startswith(NCU_REPORT) or bool(_NSYS_REPORTS.search(beginning[:64]))


def other_format(path: Path, beginning: bytes, text: str) -> BadInput | None:
    """Name a file of another known kind; None where it is of none.

    `beginning` is the file's first bytes, unpacked, and `text` its first characters.
    """
    if is_report(beginning):
        return _ncu_report(path) if beginning.startswith(NCU_REPORT) else _nsys_report(path)
    for magic, kind in _BY_FIRST_BYTES.items():
        if re.match(magic, beginning, re.DOTALL):
            return kind.refusal(path)
    for pattern, kind in _BY_FIRST_TEXT.items():
        if re.search(pattern, text):
            return kind.refusal(path)
    return None


def other_folder(path: Path) -> BadInput:
    """Refuse a folder, by name where it is an export of Nsight Systems."""
    if any(path.glob("*.parquet")) and any(path.glob("StringIds.*")):
        return _nsys_export("Parquet").refusal(path)
    return BadInput(f"{path} {Refusal.FOLDER}", hint="name the trace file in it")


def unknown_format(path: Path, beginning: bytes, text: str) -> BadInput:
    """Refuse a file of no known kind: by its suffix, or by showing how it begins."""
    if path.suffix in _NSYS_SUFFIXES:
        return _nsys_report(path)
    if path.suffix == ".ncu-rep":
        return _ncu_report(path)
    first_line = text.partition("\n")[0].rstrip()
    shown = f"text that begins with {first_line[:_SHOWN]!r}"
    if not text:
        shown = "nothing but white space or zeros"
    elif "\ufffd" in text or not first_line.isprintable():
        shown = f"binary data that begins with {beginning[:16]!r}"
    return BadInput(
        f"{path} {Refusal.UNKNOWN_FORMAT}: it is {shown}",
        hint="give an nsys SQLite export, an ncu raw page (CSV) or a torch.profiler JSON trace",
    )


def _nsys_report(path: Path) -> BadInput:
    hint = f"export it with `nsys export --type sqlite {path.name}`"
    if path.suffix == ".qdstrm":
        hint = f"import it with the nsys that wrote it: QdstrmImporter -i {path.name}"
    return BadInput(f"{path} {Refusal.NSYS_REPORT}", hint=hint)


def _ncu_report(path: Path) -> BadInput:
    return BadInput(
        f"{path} {Refusal.NCU_REPORT}, not its CSV page",
        hint=f"install ncu-report, or `ncu --import {path.name} --csv --page raw"
        " --print-units base > page.csv`",
    )
