"""Why a trace file is refused, and what the user is warned of about one that is read."""

from enum import StrEnum
from typing import Final

RECORD_AGAIN: Final = "record or export it again; docs/parsing.md says what is read"
NSYS_EXPORT_HINT: Final = "export the report with `nsys export --type sqlite REPORT.nsys-rep`"


class Refusal(StrEnum):
    """Part of the message of BadInput that names the reason; the file's name stands before it."""

    MISSING = "does not exist"
    EMPTY = "is empty (0 bytes)"
    CUT_SHORT = "is cut short"
    NOT_GZIP = "is no intact gzip file"
    UNKNOWN_FORMAT = "is no trace that moeprof knows"
    FOLDER = "is a folder, not a trace"
    NOT_REGULAR = "is no regular file (a pipe or a device)"
    PACKED = "is packed by gzip, and only traces of torch.profiler are read so"
    NO_EVENTS = "holds no kernels and no ranges"
    NO_KERNELS = "range(s), no kernel and no call of moeprof"
    SAME_FILE = "is the trace itself"

    LFS_POINTER = "is a Git LFS pointer in place of the file itself"
    ANNEX_POINTER = "is a git-annex pointer in place of the file itself"
    ZEROED = "begins with zeros in place of a head, as an interrupted export or copy does"
    WEB_PAGE = "is a web page, not a trace"
    ARCHIVE = "is a compressed file or archive"
    PICKLE = "is pickled Python data"
    NSYS_OTHER_EXPORT = "is an export of Nsight Systems, but not to SQLite"
    ARROW_PACKED = "is compressed or holds dictionaries, and nsys writes plain columns"
    NSYS_STATS = "is a table by `nsys stats`, without ranges and launching calls"
    PROTON_TREE = "is a profile of Proton (Triton's profiler), with sums and no single launches"
    EVENT_ARRAY = "is a bare array of trace events"
    EVENT_LINES = "holds a trace event per line, and is no JSON as a whole"
    OLD_AUTOGRAD = "is a trace of torch's autograd profiler without Kineto, which keeps no launches"
    NVPROF_CSV = "is output of nvprof, which moeprof does not read"

    NSYS_REPORT = "is a report of Nsight Systems, not its SQLite export"
    NVPROF = "is a database of nvprof, not an export of Nsight Systems"
    OTHER_DATABASE = "is an SQLite database, but no export of Nsight Systems"
    UNREADABLE_DATABASE = "cannot be read as an SQLite database"
    NO_PLAIN_TABLE = "is a view or a virtual table, and nsys writes plain tables"
    LONG_DEFAULT = "has a default value, which nsys gives to none"
    ENDLESS = "keeps a query busy for longer than any intact database of its size"
    LOCKED = "is locked: another program is writing it"
    CHANGES_BESIDE = "is not whole without"

    NCU_REPORT = "is a report of Nsight Compute"
    NCU_REPORT_DAMAGED = "is cut short or damaged"
    NCU_REPORT_EMPTY = "holds no kernel that ncu-report can read"
    NOT_NCU_CSV = "is no CSV page of Nsight Compute"
    NCU_DETAILS = "is the details page of Nsight Compute"
    NCU_NO_UNITS = "lacks the row of units, which stands below the header"
    NCU_NO_METRICS = "holds ncu's word that it had no metric to collect, and no page"
    NCU_NO_ROWS = "is a raw page of Nsight Compute without a kernel"
    MIXED_NUMBERS = "writes numbers in two ways"
    UNCLEAR_NUMBERS = "has a number that can be read in two ways"

    NOT_JSON = "is not valid JSON"
    TOO_LARGE = "has an event, or a part before or after its events, of more than"
    NOT_KINETO = "is JSON, but no torch.profiler trace"
    SEVERAL_PROCESSES = "holds CUDA calls of"


class TraceWarning(StrEnum):
    """Part of a warning's sentence that names the reason."""

    NEWER_SCHEMA = "is newer than"
    UNKNOWN_SCHEMA = "what its columns mean is taken from their names"
    UNKNOWN_SHIFT = "and no number of ns: its start times may be off by a constant"
    UNSURE_SAMPLE_TIMES = "its GPU metrics and power may be off by the exporter's shift of"
    TIMES_SINCE_EPOCH = "its times are read as since 1970, because no session lasts years"
    NO_SESSION_START = "does not say when it began"
    GRAPHS_TRACED_WHOLE = "launch(es) of CUDA graphs were traced whole"
    MISSING_COLUMNS = "lacks what is needed of it: column"
    UNTIMED = "kernel(s) have impossible times"
    BAD_CELLS = "cell(s) are null because they hold a value of another type"
    NOT_UTF8 = "name(s) hold bytes that are no UTF-8, shown as \ufffd"
    RANGES_LEFT_OUT = (
        "range(s) have no start, no thread, an end before the start, a time years away or the pop"
        " on another thread, and are left out"
    )
    EVENTS_OF_NO_TYPE = "NVTX event(s) have no eventType, so none is read as a range"
    RANGES_NEVER_CLOSED = "range(s) were never closed and last to the end of the trace"
    SAMPLES_LEFT_OUT = (
        "sampled value(s) are from before the session's start or without a time, and are left out"
    )
    UNNAMED_METRICS = (
        "GPU metric value(s) have no name in TARGET_INFO_GPU_METRICS, and are left out"
    )
    SAMPLES_OF_NO_GPU = "sample(s) of GPU metrics name no GPU (typeId), and are left out"
    SAMPLES_WITHOUT_VALUE = "sampled value(s) are null in the file"
    IMPOSSIBLE_SAMPLES = "sampled value(s) are null: negative, or far above 100 %"
    SAMPLES_DIFFER = "time(s) have several values of one GPU metric, of which the mean is taken"
    METRICS_UNKNOWN = "has GPU metrics, and moeprof knows the name of none"
    UNNAMED_KERNELS = "kernel(s) have no name"
    STARTS_BEFORE_LAUNCH = "kernel(s) start before their launch"
    UNSURE_CALLS = (
        "call(s) have no busy time: a kernel without a launching call starts after them and before"
        " the next, and may be theirs"
    )
    UNPLACED_CALLS = "CUDA call(s) have no time or no thread: the ranges of their kernels are lost"
    ONE_PROCESS = (
        "kernel(s) have no globalPid, and are taken to be of the only process that calls CUDA"
    )
    NO_PROCESS = (
        "kernel(s) have no globalPid, and of several processes that call CUDA none is known to"
        " have launched them"
    )
    SEVERAL_LAUNCHES = (
        "kernel(s) have a correlation id of several separate calls: the last one that begins before"
        " the kernel counts"
    )

    NO_KERNEL = "no kernel: the times of calls are those of the host"
    CELLS_WITHOUT_NUMBER = "cell(s) hold no valid number and are null"
    NO_KNOWN_METRIC = "has a column in `counters`"
    UNKNOWN_UNIT = "are null: their unit is"
    ROWS_NOT_WHOLE = "row(s) or header(s) are not whole and are left out"
    LINES_BETWEEN_ROWS = "line(s) among the rows are not ncu's and were skipped"
    PAGE_UNCLEAR = "row(s) are left out, as their page"
    NCU_SAID = "ncu said beside the rows (after an error the profile is not complete)"
    READ_AS_LATIN_1 = "byte(s) are not UTF-8 and were read as Latin-1"

    FAR_FROM_LAUNCH = (
        "kernel(s) start more than a second before their launch, or a day after it: a time of"
        " another clock, which CUPTI gives at the head of a second session (pytorch issue 192021)"
    )
    NO_BASE_TIME = "baseTimeNanoseconds that is no number: starts count from 0, not from the epoch"
    BASE_TIME_TWICE = "second baseTimeNanoseconds: the last one counts"
    MENDED = (
        "event(s) hold what JSON does not allow (an escape, a control character, bytes that are no"
        " UTF-8, NaN, no value) and were read nevertheless"
    )
    BROKEN = "event(s) that are no JSON, and no kernel, CUDA call or range, are left out"
    NO_OBJECTS = "element(s) of traceEvents are no events and are left out"
    LAST_COMMA = "comma after the last event, which JSON does not allow, was passed over"
    OTHER_PHASE = (
        'CUDA call(s), range(s) or ends of kernels are not written with their duration (phase "X")'
        " and are left out"
    )
    BEGUN_KERNEL = 'kernel(s) are not written with their duration (phase "X") and stay without time'
    LIKE_A_KERNEL = (
        "event(s) of no known category have a kernel's grid, block and correlation id, and stay as"
        " kernels without time"
    )
    OF_NO_PROCESS = (
        "CUDA call(s) or range(s) have no number of a process (pid) and are taken as of the one"
        " that made the other calls"
    )
    NO_TIME = "range(s) have no readable time and are left out"
    UNREADABLE_CELL = "value(s) of kernels are not of their column's type and are null"
    UNNAMED_RANGES = "range(s) have no name"
    PROTON = "kernel(s) were recorded by Proton of Triton, which records no launching calls"
