/* Counts the calls by which a program changes files, and kills it or lets the disk refuse at one.

Preloaded (LD_PRELOAD) by disk_shim.py, which explains the variables:

    TORTURE_UNDER   only paths below this folder count, without a link in it
    TORTURE_KIND    which calls count: a name of `names` below, or "any"
    TORTURE_AT      the call at which it happens, from 1 on; 0: never
    TORTURE_DO      "kill" (SIGKILL before the call; a write has written its first half), or the
                    number of an errno that the call fails with
    TORTURE_STAYS   1: each later call of the kind fails too, as on a full disk
    TORTURE_LOG     a file that gets a line "KIND PATH" for each call

Only the first program that loads it counts: not its children. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE, WRITE, SYNC, RENAME, LINK, UNLINK, MKDIR, KINDS };
static const char *const names[KINDS] = {"create", "write", "fsync", "rename",
                                         "link",   "unlink", "mkdir"};

static char under[PATH_MAX];
static size_t under_length;
static int wanted = -2; /* -2: this process does not count; -1: any kind */
static long at;
static int failure; /* errno, or 0 for a kill */
static int stays;
static int log_fd = -1;
static pid_t counting; /* a forked child has another pid */
static atomic_long seen;

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("TORTURE_UNDER"), *kind = getenv("TORTURE_KIND");
  if (!folder || !kind || getenv("TORTURE_ROOT")) return;
  setenv("TORTURE_ROOT", "1", 1);
  snprintf(under, sizeof under, "%s", folder);
  under_length = strlen(under);
  wanted = -1;
  for (int one = 0; one < KINDS; one++)
    if (!strcmp(kind, names[one])) wanted = one;
  const char *text = getenv("TORTURE_AT");
  at = text ? atol(text) : 0;
  text = getenv("TORTURE_DO");
  failure = text ? atoi(text) : 0; /* "kill" is 0 */
  stays = getenv("TORTURE_STAYS") != NULL;
  text = getenv("TORTURE_LOG");
  if (text) log_fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  counting = (pid_t)syscall(SYS_getpid);
}

static int below(const char *path) {
  return !strncmp(path, under, under_length) && (path[under_length] == '/' || !path[under_length]);
}

/* The path of a descriptor, or of a name relative to a folder's descriptor. */
static int located(int folder, const char *name, char *path) {
  if (name && name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
  char link[64], base[PATH_MAX / 2];
  if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  ssize_t length = readlink(link, base, sizeof base - 1);
  if (length < 0) return 0;
  base[length] = 0;
  return snprintf(path, PATH_MAX, name ? "%s/%.2000s" : "%s", base, name) < PATH_MAX;
}

/* Whether a call of this kind shall fail, with errno set; 2 where a write shall be cut and killed. */
static int hit(enum kind kind, int folder, const char *name) {
  char path[PATH_MAX];
  if (wanted == -2 || (wanted != -1 && wanted != (int)kind)) return 0;
  int before = errno;
  if ((pid_t)syscall(SYS_getpid) != counting || !located(folder, name, path) || !below(path)) {
    errno = before;
    return 0;
  }
  if (log_fd >= 0) {
    char line[PATH_MAX + 32];
    int length = snprintf(line, sizeof line, "%s %s\n", names[kind], path);
    (void)!syscall(SYS_write, log_fd, line, (size_t)length);
  }
  errno = before;
  long number = atomic_fetch_add(&seen, 1) + 1;
  if (!at || (stays ? number < at : number != at)) return 0;
  if (failure) {
    errno = failure;
    return 1;
  }
  if (kind == WRITE) return 2;
  kill(counting, SIGKILL);
  return 0;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAILS(kind, folder, path) do { if (hit(kind, folder, path)) return -1; } while (0)

ssize_t write(int fd, const void *data, size_t size) {
  int what = hit(WRITE, fd, NULL);
  if (what == 1) return -1;
  ssize_t done = NEXT(write)(fd, data, what == 2 ? size / 2 : size);
  if (what == 2) kill(counting, SIGKILL);
  return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t from) {
  int what = hit(WRITE, fd, NULL);
  if (what == 1) return -1;
  ssize_t done = NEXT(pwrite)(fd, data, what == 2 ? size / 2 : size, from);
  if (what == 2) kill(counting, SIGKILL);
  return done;
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t from) {
  int what = hit(WRITE, fd, NULL);
  if (what == 1) return -1;
  ssize_t done = NEXT(pwrite64)(fd, data, what == 2 ? size / 2 : size, from);
  if (what == 2) kill(counting, SIGKILL);
  return done;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  int what = hit(WRITE, fd, NULL);
  if (what == 1) return -1;
  ssize_t done = NEXT(writev)(fd, parts, what == 2 ? count / 2 : count);
  if (what == 2) kill(counting, SIGKILL);
  return done;
}
ssize_t sendfile(int out, int in, off_t *from, size_t size) {
  int what = hit(WRITE, out, NULL);
  if (what == 1) return -1;
  ssize_t done = ((ssize_t(*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile"))(
      out, in, from, what == 2 ? size / 2 : size);
  if (what == 2) kill(counting, SIGKILL);
  return done;
}
ssize_t sendfile64(int out, int in, off64_t *from, size_t size) {
  return sendfile(out, in, (off_t *)from, size);
}
int ftruncate(int fd, off_t size) { FAILS(WRITE, fd, NULL); return NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { FAILS(WRITE, fd, NULL); return NEXT(ftruncate64)(fd, size); }

int fsync(int fd) { FAILS(SYNC, fd, NULL); return NEXT(fsync)(fd); }
int fdatasync(int fd) { FAILS(SYNC, fd, NULL); return NEXT(fdatasync)(fd); }
int syncfs(int fd) { FAILS(SYNC, fd, NULL); return NEXT(syncfs)(fd); }

int rename(const char *from, const char *to) {
  FAILS(RENAME, AT_FDCWD, to);
  return NEXT(rename)(from, to);
}
int renameat(int a, const char *from, int b, const char *to) {
  FAILS(RENAME, b, to);
  return NEXT(renameat)(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  FAILS(RENAME, b, to);
  return NEXT(renameat2)(a, from, b, to, flags);
}
int link(const char *from, const char *to) { FAILS(LINK, AT_FDCWD, to); return NEXT(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
  FAILS(LINK, b, to);
  return NEXT(linkat)(a, from, b, to, flags);
}
int symlink(const char *from, const char *to) {
  FAILS(LINK, AT_FDCWD, to);
  return NEXT(symlink)(from, to);
}
int unlink(const char *path) { FAILS(UNLINK, AT_FDCWD, path); return NEXT(unlink)(path); }
int remove(const char *path) { FAILS(UNLINK, AT_FDCWD, path); return NEXT(remove)(path); }
int rmdir(const char *path) { FAILS(UNLINK, AT_FDCWD, path); return NEXT(rmdir)(path); }
int unlinkat(int folder, const char *path, int flags) {
  FAILS(UNLINK, folder, path);
  return NEXT(unlinkat)(folder, path, flags);
}
int mkdir(const char *path, mode_t mode) {
  FAILS(MKDIR, AT_FDCWD, path);
  return NEXT(mkdir)(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
  FAILS(MKDIR, folder, path);
  return NEXT(mkdirat)(folder, path, mode);
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
  if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) FAILS(CREATE, folder, path);
  return (int)syscall(SYS_openat, folder, path, flags | O_LARGEFILE, mode);
}
#define MODE(flags, mode)                                                  \
  mode_t mode = 0;                                                         \
  if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {         \
    va_list rest;                                                          \
    va_start(rest, flags);                                                 \
    mode = va_arg(rest, mode_t);                                           \
    va_end(rest);                                                          \
  }
int open(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags, mode) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags, mode) return opened(folder, path, flags, mode); }

/* syscall(2): the door to calls that a C library lacks. */
long syscall(long number, ...) {
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_renameat2 && hit(RENAME, (int)a[2], (const char *)a[3])) return -1;
  long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
