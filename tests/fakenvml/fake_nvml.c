/* A libnvidia-ml.so.1 without a GPU: it replays a power trace through a model of NVML's sensors, or
 * a log that moeprof's recorder wrote. README.md beside it says how to build and steer it.
 *
 * The sensors agree with each other, because all of them are derived from one trace:
 *   energy counter   integral of power, truncated to mJ, refreshed on the tick
 *   instant power    mean over the last window (25 ms) before the tick
 *   average power    mean over the last second before the tick
 *   temperature      floor to 1 degC, at the moment of the call
 *   throttle times   integral of the trace's event reasons, ns
 * Everything is a function of the time of the call alone, so that a virtual clock may run backwards.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long long u64;
typedef int result;
enum { OK, UNINITIALIZED, INVALID, UNSUPPORTED, FORBIDDEN, NOT_FOUND = 6, TOO_SMALL = 7, NO_DRIVER = 9, LOST = 15 };
enum reading {
    ENERGY, POWER_INSTANT, POWER_AVERAGE, POWER_USAGE, TEMP_GPU, TEMP_MEMORY, CLOCK_SM, CLOCK_MEMORY,
    REASONS, T_POWER_CAP, T_SYNC_BOOST, T_SW_THERMAL, T_HW_THERMAL, T_POWER_BRAKE, PROCESSES,
    POWER_LIMIT, N_READINGS
};
static const char *NAMES[N_READINGS] = {
    "energy_mj", "power_instant_mw", "power_average_mw", "power_usage_mw", "temp_gpu_c",
    "temp_memory_c", "sm_clock_mhz", "memory_clock_mhz", "event_reasons", "throttle_power_cap_ns",
    "throttle_sync_boost_ns", "throttle_sw_thermal_ns", "throttle_hw_thermal_ns",
    "throttle_power_brake_ns", "compute_processes", "power_limit_mw"};
static const u64 REASON_BITS[] = {0x4, 0x10, 0x20, 0x40, 0x80}; /* of T_POWER_CAP and following */

#define EXPORT __attribute__((visibility("default"))) result
static int users;
enum { LIMIT_MW = 700000, LEAST_LIMIT_MW = 200000, MOST_MHZ = 1980, SLOWDOWN_C = 87 };
static const u64 MEMORY_BYTES = 141ull << 30, USED_BYTES = 100ull << 30;
static double started_s, update_s, phase_s, jitter_s, window_s, freeze_s, reset_s, call_s;
static double jump_s, jump_mj, wrap_mj;
static volatile double *virtual_clock_s;
static const char *errors;
static FILE *live; /* a file of work that grows while it is read */

/* ---- what root has set, of all processes: FAKENVML_ROOT names the file that holds it ---- */
struct set { unsigned locked_mhz, limit_mw; };
static struct set settings(void) {
    struct set found = {0, LIMIT_MW};
    FILE *file = getenv("FAKENVML_ROOT") ? fopen(getenv("FAKENVML_ROOT"), "r") : NULL;
    if (file) {
        if (fscanf(file, "%u %u", &found.locked_mhz, &found.limit_mw) < 2) found = (struct set){0, LIMIT_MW};
        fclose(file);
    }
    return found;
}
static result set(struct set wanted) {
    FILE *file = getenv("FAKENVML_ROOT") ? fopen(getenv("FAKENVML_ROOT"), "w") : NULL;
    if (!file) return FORBIDDEN;
    fprintf(file, "%u %u\n", wanted.locked_mhz, wanted.limit_mw);
    fclose(file);
    return OK;
}

/* ---- time ---- */
static double clock_s(void) {
    struct timespec now;
    if (virtual_clock_s) return *virtual_clock_s;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}
static double now_s(void) { return clock_s() - started_s; }
static void take_time(void) { /* FAKENVML_CALL_MS; a virtual clock is moved on */
    struct timespec length = {(time_t)call_s, (long)(fmod(call_s, 1) * 1e9)};
    if (virtual_clock_s) *virtual_clock_s += call_s;
    else if (call_s > 0) nanosleep(&length, NULL);
}
static double chance(double tick) { /* from 0 to 1, by a hash of the tick's number */
    unsigned h = (unsigned)((long long)tick * 2654435761);
    h = (h ^ h >> 13) * 0x5bd1e995;
    return ((h ^ h >> 15) >> 8) / 16777216.0;
}
static double tick_s(double t) {
    double tick = floor((t - phase_s) / update_s + 1e-9);
    int seen = !jitter_s || t >= tick * update_s + phase_s + chance(tick) * jitter_s;
    return (tick - !seen) * update_s + phase_s;
}

/* ---- the trace: rows of t_s, power_mw, temp_c, sm_mhz, reasons; linear between rows ---- */
struct row { double t, power, temp, clock, energy, throttled[5]; u64 reasons; };
static struct row *rows;
static int n_rows, room;

/* Of a device whose work comes in while it runs: at rest it takes IDLE_MW; its temperature goes to
 * REST_C plus C_PER_W times the power with the time constant HEAT_S; its clock falls some time after
 * the work has ended. */
enum { IDLE_MW = 90000, REST_C = 30, IDLE_MHZ = 345 };
static const double C_PER_W = 0.05, HEAT_S = 20, CLOCK_FALLS_S = 0.2;

static double warmed(const struct row *a, double t) {
    double goal = REST_C + C_PER_W * a->power / 1000;
    return goal + (a->temp - goal) * exp(-(t - a->t) / HEAT_S);
}

static void integrate(struct row *b) {
    const struct row *a = b - 1;
    b->energy = a->energy + (b->t - a->t) * (a->power + b->power) / 2;
    for (int i = 0; i < 5; i++)
        b->throttled[i] = a->throttled[i] + (a->reasons & REASON_BITS[i] ? b->t - a->t : 0);
}

static void append(struct row r) {
    if (n_rows == room) rows = realloc(rows, (room = room ? 2 * room : 1024) * sizeof *rows);
    rows[n_rows] = r;
    if (n_rows) integrate(rows + n_rows);
    n_rows++;
}

static void read_trace(FILE *file) {
    char line[256];
    while (fgets(line, sizeof line, file)) {
        struct row r = {0};
        if (sscanf(line, "%lf,%lf,%lf,%lf,%llu", &r.t, &r.power, &r.temp, &r.clock, &r.reasons) < 4) continue;
        append(r);
    }
}

/* A change at time t of what the device does, until the next change. */
static void change(double t, double power, double clock, u64 reasons) {
    const struct row *last = rows + n_rows - 1;
    struct row r = {.t = t, .power = last->power, .temp = warmed(last, t), .clock = last->clock, .reasons = last->reasons};
    append(r);
    r.power = power;
    r.clock = clock;
    r.reasons = reasons;
    append(r);
}

/* Read what was added to FAKENVML_LIVE: rows of begin_s, end_s, power_mw, sm_mhz, reasons. */
static void follow(void) {
    char line[256];
    double begin, end, power, clock;
    u64 reasons;
    if (!live) return;
    double limit = settings().limit_mw;
    for (long place = ftell(live); fgets(line, sizeof line, live); place = ftell(live)) {
        if (!strchr(line, '\n')) { /* it is still being written */
            fseek(live, place, SEEK_SET);
            break;
        }
        if (sscanf(line, "%lf,%lf,%lf,%lf,%llu", &begin, &end, &power, &clock, &reasons) < 5) continue;
        if (begin < rows[n_rows - 1].t) begin = rows[n_rows - 1].t;
        if (end <= begin) continue;
        if (power > limit) reasons |= REASON_BITS[0];
        change(begin, fmin(power, limit), clock, reasons);
        change(end, IDLE_MW, clock, 0);
    }
    clearerr(live);
}

/* State of the trace at time t; before the first row and after the last one their values hold. */
static struct row at(double t) {
    follow();
    int low = 0, high = n_rows - 1;
    struct row r = rows[0];
    if (t <= rows[0].t) {
        r.energy -= r.power * (rows[0].t - t);
        r.t = t;
        return r;
    }
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (rows[middle].t <= t) low = middle; else high = middle;
    }
    const struct row *a = rows + low, *b = rows + high;
    if (t >= b->t) a = b;
    double w = a == b ? 0 : (t - a->t) / (b->t - a->t);
    r = *a;
    r.power += w * (b->power - a->power);
    r.temp += w * (b->temp - a->temp);
    r.clock += w * (b->clock - a->clock);
    r.energy += (t - a->t) * (a->power + r.power) / 2;
    for (int i = 0; i < 5; i++) r.throttled[i] += a->reasons & REASON_BITS[i] ? t - a->t : 0;
    if (live) r.temp = warmed(a, t);
    if (live && a->power == IDLE_MW && t - a->t > CLOCK_FALLS_S) r.clock = IDLE_MHZ;
    return r;
}

static double mean_mw(double t, double span) { return (at(t).energy - at(t - span).energy) / span; }

static u64 counter_mj(double t) {
    double since = t >= reset_s ? at(reset_s).energy : at(0).energy - 5e6; /* a driver long up */
    u64 mj = (u64)(at(t).energy - since + (t >= jump_s ? jump_mj : 0));
    return wrap_mj ? mj % (u64)wrap_mj : mj;
}

/* FAKENVML_PROCESSES "pid@second,pid@second": how many compute processes have begun by t. */
static int processes(double t, unsigned *pids, int room) {
    const char *p = getenv("FAKENVML_PROCESSES");
    int count = 0;
    unsigned pid;
    double from;
    for (; p && sscanf(p, "%u@%lf", &pid, &from) == 2; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
        if (from <= t && count++ < room && pids) pids[count - 1] = pid;
    return count;
}

static u64 simulate(enum reading what, double t) {
    double refreshed = tick_s(t < freeze_s ? t : freeze_s);
    switch (what) {
    case ENERGY: return counter_mj(refreshed);
    case POWER_INSTANT: return (u64)mean_mw(refreshed, window_s);
    case POWER_AVERAGE: case POWER_USAGE: return (u64)mean_mw(refreshed, 1.0);
    case TEMP_GPU: return (u64)floor(at(t).temp);
    case TEMP_MEMORY: return (u64)floor(at(t).temp + 5);
    case CLOCK_SM: return settings().locked_mhz ? settings().locked_mhz : (u64)at(t).clock;
    case CLOCK_MEMORY: return 3201;
    case REASONS: return at(t).reasons;
    case PROCESSES: return (u64)processes(t, NULL, 0);
    case POWER_LIMIT: return settings().limit_mw;
    default: return (u64)(at(t).throttled[what - T_POWER_CAP] * 1e9);
    }
}

/* ---- a recorder's log: rows of begin_ns, end_ns, reading, code, value; each holds to the next ---- */
struct logged { double t; int code; u64 value; };
static struct { struct logged *rows; int n, room; } logged[N_READINGS];

static void read_log(FILE *file) {
    char line[256], name[64];
    long long begin, end, first = -1;
    while (fgets(line, sizeof line, file)) {
        struct logged r = {0};
        if (sscanf(line, "%lld,%lld,%63[^,],%d,%llu", &begin, &end, name, &r.code, &r.value) < 4) continue;
        if (first < 0) first = begin;
        r.t = (end - first) * 1e-9;
        for (int i = 0; i < N_READINGS; i++) {
            if (strcmp(name, NAMES[i])) continue;
            if (logged[i].n == logged[i].room)
                logged[i].rows = realloc(logged[i].rows, (logged[i].room = logged[i].room ? 2 * logged[i].room : 256) * sizeof r);
            logged[i].rows[logged[i].n++] = r;
        }
    }
}

static result replay(enum reading what, double t, u64 *value) {
    int low = 0, high = logged[what].n;
    if (!high) return UNSUPPORTED;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (logged[what].rows[middle].t <= t) low = middle; else high = middle;
    }
    *value = logged[what].rows[low].value;
    return logged[what].rows[low].code;
}

static result sense(enum reading what, u64 *value) {
    double t = now_s();
    if (!n_rows) return replay(what, t, value);
    *value = simulate(what, t);
    return OK;
}

/* ---- injected errors: FAKENVML_ERRORS "name=code@from-to,...", seconds optional ---- */
static result injected_as(const char *name) {
    size_t length = strlen(name);
    for (const char *p = errors; p && (p = strstr(p, name)); p += length) {
        double from = 0, to = INFINITY;
        int code;
        if (p[length] != '=' || (p != errors && p[-1] != ',')) continue;
        if (sscanf(p + length + 1, "%d@%lf-%lf", &code, &from, &to) < 1) continue;
        if (now_s() >= from && now_s() < to) return code;
    }
    return OK;
}
/* The name "nvmlDevice" stands for every function of the device. */
static result injected(const char *name) {
    result code = injected_as(name);
    return code || strncmp(name, "nvmlDevice", 10) ? code : injected_as("nvmlDevice");
}
#define ENTER(name) do { \
    if (!users) return UNINITIALIZED; \
    take_time(); \
    result injected_ = injected(name); \
    if (injected_) return injected_; \
} while (0)

/* ---- life ---- */
static double setting(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text ? atof(text) : otherwise;
}

static void forget(void) {
    free(rows);
    rows = NULL;
    n_rows = room = 0;
    if (live) fclose(live);
    live = NULL;
    for (int i = 0; i < N_READINGS; i++) free(logged[i].rows);
    memset(logged, 0, sizeof logged);
    if (virtual_clock_s) munmap((void *)virtual_clock_s, sizeof(double));
    virtual_clock_s = NULL;
}

static result load(void) {
    const char *trace = getenv("FAKENVML_TRACE"), *log = getenv("FAKENVML_LOG"), *clock = getenv("FAKENVML_CLOCK");
    const char *work = getenv("FAKENVML_LIVE"), *path = work ? work : trace ? trace : log;
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return NO_DRIVER;
    forget();
    if (work) {
        struct row at_rest = {.power = IDLE_MW, .temp = REST_C + C_PER_W * IDLE_MW / 1000, .clock = IDLE_MHZ};
        append(at_rest);
        live = file;
    } else {
        if (trace) read_trace(file); else read_log(file);
        fclose(file);
    }
    if (trace && !work && n_rows < 2) return NO_DRIVER;
    if (clock) {
        int fd = open(clock, O_RDWR);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd >= 0) close(fd);
        if (page == MAP_FAILED) return NO_DRIVER;
        virtual_clock_s = page;
    }
    update_s = setting("FAKENVML_UPDATE_MS", 100) / 1e3;
    phase_s = setting("FAKENVML_PHASE_MS", 0) / 1e3;
    jitter_s = setting("FAKENVML_JITTER_MS", 0) / 1e3;
    window_s = setting("FAKENVML_WINDOW_MS", 25) / 1e3;
    call_s = setting("FAKENVML_CALL_MS", 0) / 1e3;
    freeze_s = setting("FAKENVML_FREEZE_S", INFINITY);
    reset_s = setting("FAKENVML_RESET_S", INFINITY);
    jump_s = setting("FAKENVML_JUMP_S", INFINITY);
    jump_mj = setting("FAKENVML_JUMP_MJ", 0);
    wrap_mj = setting("FAKENVML_WRAP_MJ", 0);
    started_s = virtual_clock_s ? 0 : clock_s();
    return OK;
}

EXPORT nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    errors = getenv("FAKENVML_ERRORS");
    result code = users ? OK : load();
    if (!code) code = injected("nvmlInit");
    if (!code) users++;
    return code;
}
EXPORT nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT nvmlShutdown(void) { return users ? (users--, OK) : UNINITIALIZED; }
__attribute__((visibility("default"))) const char *nvmlErrorString(result code) {
    static char text[32];
    snprintf(text, sizeof text, "simulated error %d", code);
    return text;
}

/* ---- the one device ---- */
#define UUID "GPU-51b01a7e-0000-4000-8000-000000000001"
typedef void *device;

#define TEXT(function, text) \
    EXPORT function(device d, char *buffer, unsigned length) { \
        (void)d; ENTER(#function); snprintf(buffer, length, "%s", text); return OK; }
static const char *name_of_device(void) {
    const char *name = getenv("FAKENVML_NAME");
    return name ? name : "H200 (simulated)";
}
TEXT(nvmlDeviceGetName, name_of_device())
TEXT(nvmlDeviceGetUUID, UUID)
TEXT(nvmlDeviceGetVbiosVersion, "00.00.00.00.00")

EXPORT nvmlSystemGetDriverVersion(char *buffer, unsigned length) {
    ENTER("nvmlSystemGetDriverVersion");
    snprintf(buffer, length, "580.00.00");
    return OK;
}
/* Of several devices those beside the first are lost. */
static unsigned devices(void) { return 1 + (unsigned)setting("FAKENVML_LOST", 0); }
EXPORT nvmlDeviceGetCount_v2(unsigned *count) {
    ENTER("nvmlDeviceGetCount");
    *count = devices();
    return OK;
}
EXPORT nvmlDeviceGetHandleByIndex_v2(unsigned index, device *d) {
    ENTER("nvmlDeviceGetHandleByIndex");
    if (index) return index < devices() ? LOST : INVALID;
    *d = rows ? (void *)rows : (void *)logged;
    return OK;
}
EXPORT nvmlDeviceGetHandleByUUID(const char *uuid, device *d) {
    ENTER("nvmlDeviceGetHandleByUUID");
    return strcmp(uuid, UUID) ? NOT_FOUND : nvmlDeviceGetHandleByIndex_v2(0, d);
}
EXPORT nvmlDeviceGetArchitecture(device d, unsigned *architecture) {
    (void)d; ENTER("nvmlDeviceGetArchitecture"); *architecture = 9; return OK;
}
EXPORT nvmlDeviceGetMigMode(device d, unsigned *current, unsigned *pending) {
    (void)d; ENTER("nvmlDeviceGetMigMode");
    *current = *pending = (unsigned)setting("FAKENVML_MIG", 0);
    return OK;
}

#define NUMBER(function, type, reading) \
    EXPORT function(device d, type *out) { \
        (void)d; ENTER(#function); \
        u64 value = 0; \
        result code = sense(reading, &value); \
        *out = (type)value; \
        return code; }
NUMBER(nvmlDeviceGetTotalEnergyConsumption, u64, ENERGY)
NUMBER(nvmlDeviceGetPowerUsage, unsigned, POWER_USAGE)
NUMBER(nvmlDeviceGetCurrentClocksEventReasons, u64, REASONS)
NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, u64, REASONS)
NUMBER(nvmlDeviceGetPowerManagementLimit, unsigned, POWER_LIMIT)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, POWER_LIMIT)

EXPORT nvmlDeviceGetTemperature(device d, int sensor, unsigned *out) {
    (void)d; (void)sensor; ENTER("nvmlDeviceGetTemperature");
    u64 value = 0;
    result code = sense(TEMP_GPU, &value);
    *out = (unsigned)value;
    return code;
}
typedef struct { unsigned version; int sensor, temperature; } temperature_v1;
EXPORT nvmlDeviceGetTemperatureV(device d, temperature_v1 *out) {
    (void)d; ENTER("nvmlDeviceGetTemperatureV");
    u64 value = 0;
    result code = sense(TEMP_GPU, &value);
    out->temperature = (int)value;
    return code;
}
EXPORT nvmlDeviceGetClockInfo(device d, int kind, unsigned *out) {
    (void)d; ENTER("nvmlDeviceGetClockInfo");
    u64 value = 0;
    result code = sense(kind == 2 ? CLOCK_MEMORY : CLOCK_SM, &value);
    *out = (unsigned)value;
    return code;
}
EXPORT nvmlDeviceSetGpuLockedClocks(device d, unsigned low, unsigned high) {
    (void)d; ENTER("nvmlDeviceSetGpuLockedClocks");
    if (!getenv("FAKENVML_ROOT")) return FORBIDDEN;
    if (low > high || high > MOST_MHZ) return INVALID;
    return set((struct set){high, settings().limit_mw});
}
EXPORT nvmlDeviceResetGpuLockedClocks(device d) {
    (void)d; ENTER("nvmlDeviceResetGpuLockedClocks");
    return set((struct set){0, settings().limit_mw});
}
EXPORT nvmlDeviceSetPowerManagementLimit(device d, unsigned limit) {
    (void)d; ENTER("nvmlDeviceSetPowerManagementLimit");
    if (!getenv("FAKENVML_ROOT")) return FORBIDDEN;
    if (limit < LEAST_LIMIT_MW || limit > LIMIT_MW) return INVALID;
    return set((struct set){settings().locked_mhz, limit});
}
EXPORT nvmlDeviceGetPowerManagementLimitConstraints(device d, unsigned *least, unsigned *most) {
    (void)d; ENTER("nvmlDeviceGetPowerManagementLimitConstraints");
    *least = LEAST_LIMIT_MW; *most = LIMIT_MW; return OK;
}
typedef struct { unsigned gpu, memory; } utilization;
EXPORT nvmlDeviceGetUtilizationRates(device d, utilization *out) {
    (void)d; ENTER("nvmlDeviceGetUtilizationRates");
    *out = (utilization){
        (unsigned)setting("FAKENVML_UTILIZATION", 0), (unsigned)setting("FAKENVML_MEMORY_BUSY", 0)};
    return OK;
}
typedef struct { u64 total, free, used; } memory;
EXPORT nvmlDeviceGetMemoryInfo(device d, memory *out) {
    (void)d; ENTER("nvmlDeviceGetMemoryInfo");
    *out = (memory){MEMORY_BYTES, MEMORY_BYTES - USED_BYTES, USED_BYTES};
    return OK;
}
EXPORT nvmlDeviceGetTemperatureThreshold(device d, int which, unsigned *out) {
    (void)d; ENTER("nvmlDeviceGetTemperatureThreshold");
    *out = which == 1 ? SLOWDOWN_C : SLOWDOWN_C + 3;
    return OK;
}
typedef struct { unsigned pid; u64 memory; unsigned instance, compute_instance; } process_info;
EXPORT nvmlDeviceGetComputeRunningProcesses_v3(device d, unsigned *count, process_info *out) {
    (void)d; ENTER("nvmlDeviceGetComputeRunningProcesses");
    unsigned pids[64] = {0}, room = *count;
    u64 n = 0;
    result code = sense(PROCESSES, &n);
    if (code) return code;
    if (n_rows) processes(now_s(), pids, 64);
    *count = (unsigned)n;
    if (n > room || (n && !out)) return TOO_SMALL;
    for (unsigned i = 0; i < n; i++) out[i] = (process_info){pids[i % 64], 1 << 20, ~0u, ~0u};
    return OK;
}

typedef union { double d; unsigned ui; u64 ull; } value;
typedef struct { unsigned id, scope; long long timestamp_us, latency_us; int type; result code; value value; } field;
static int reading_of(unsigned id) {
    switch (id) {
    case 74: return T_POWER_CAP;
    case 76: return T_SYNC_BOOST;
    case 82: return TEMP_MEMORY;
    case 83: case 191: return ENERGY;
    case 185: return POWER_AVERAGE;
    case 186: return POWER_INSTANT;
    case 269: return T_SW_THERMAL;
    case 270: return T_HW_THERMAL;
    case 271: return T_POWER_BRAKE;
    default: return -1;
    }
}
static void fill(field *f) {
    char name[24];
    int what = reading_of(f->id);
    u64 number = 0;
    snprintf(name, sizeof name, "field%u", f->id);
    f->code = injected(name);
    if (!f->code) f->code = what < 0 || f->scope ? UNSUPPORTED : sense(what, &number);
    f->latency_us = 0;
    f->timestamp_us = (long long)((n_rows ? tick_s(now_s()) : now_s()) * 1e6);
    int wide = what == ENERGY || (what >= T_POWER_CAP && what <= T_POWER_BRAKE);
    f->type = wide ? 3 : 1; /* unsigned long long, unsigned int */
    f->value.ull = 0;
    if (wide) f->value.ull = number; else f->value.ui = (unsigned)number;
}
EXPORT nvmlDeviceGetFieldValues(device d, int count, field *fields) {
    (void)d; ENTER("nvmlDeviceGetFieldValues");
    for (int i = 0; i < count; i++) fill(fields + i);
    return OK;
}
