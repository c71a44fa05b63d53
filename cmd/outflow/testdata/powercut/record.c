// Records what a process writes to files below a folder (POWERCUT_DIR), in order, to a file (POWERCUT_LOG): writes,
// truncations, syncs, creations and removals. TestPowerCut makes of it what a disk may have after a power cut. It is
// loaded with LD_PRELOAD, and sees what SQLite does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 4096
static char *paths[MOST]; // of open files below the folder
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -2; // descriptor of the log; -2 before it is opened

static void record(char op, const char *path, int64_t at, const void *data, uint32_t n) {
  if (out == -2) {
    const char *log = getenv("POWERCUT_LOG");
    out = log ? syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  }
  if (out < 0) return;
  uint16_t m = strlen(path);
  char head[15];
  memcpy(head, &op, 1), memcpy(head + 1, &m, 2), memcpy(head + 3, &at, 8), memcpy(head + 11, &n, 4);
  struct iovec parts[] = {{head, 15}, {(void *)path, m}, {(void *)data, n}};
  if (syscall(SYS_writev, out, parts, 3) != 15 + m + n) abort();
}

static int below(const char *path) {
  const char *dir = getenv("POWERCUT_DIR");
  size_t n = strlen(path);
  return dir && !strncmp(path, dir, strlen(dir)) && !(n > 4 && !strcmp(path + n - 4, "-shm"));
}

static const char *path_of(int fd) { return fd >= 0 && fd < MOST ? paths[fd] : NULL; }

static int opened(const char *path, int flags, mode_t mode) {
  if (!below(path)) return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  pthread_mutex_lock(&lock);
  int fresh = (flags & O_CREAT) && access(path, F_OK) != 0;
  int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode), err = errno;
  if (fd >= 0 && fd < MOST) {
    free(paths[fd]);
    paths[fd] = strdup(path);
    if (fresh) record('C', path, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = err;
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return opened(path, flags, mode);
}

int close(int fd) {
  pthread_mutex_lock(&lock);
  if (path_of(fd)) free(paths[fd]), paths[fd] = NULL;
  int r = syscall(SYS_close, fd), err = errno;
  pthread_mutex_unlock(&lock);
  errno = err;
  return r;
}

static ssize_t put(int fd, const void *data, size_t n, int64_t at) {
  pthread_mutex_lock(&lock);
  const char *path = path_of(fd);
  int64_t where = at >= 0 || !path ? at : lseek(fd, 0, SEEK_CUR);
  ssize_t r = at >= 0 ? syscall(SYS_pwrite64, fd, data, n, at) : syscall(SYS_write, fd, data, n);
  int err = errno;
  if (path && r > 0) record('W', path, where, data, r);
  pthread_mutex_unlock(&lock);
  errno = err;
  return r;
}
ssize_t write(int fd, const void *data, size_t n) { return put(fd, data, n, -1); }
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return put(fd, data, n, at); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { return put(fd, data, n, at); }

static int noted(char op, int call, int fd, int64_t size) {
  pthread_mutex_lock(&lock);
  int r = syscall(call, fd, size), err = errno;
  if (path_of(fd) && r == 0) record(op, path_of(fd), size, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = err;
  return r;
}
int ftruncate(int fd, off_t size) { return noted('T', SYS_ftruncate, fd, size); }
int ftruncate64(int fd, off64_t size) { return noted('T', SYS_ftruncate, fd, size); }
int fsync(int fd) { return noted('S', SYS_fsync, fd, 0); }
int fdatasync(int fd) { return noted('S', SYS_fdatasync, fd, 0); }

int unlink(const char *path) {
  pthread_mutex_lock(&lock);
  int r = syscall(SYS_unlinkat, AT_FDCWD, path, 0), err = errno;
  if (r == 0 && below(path)) record('U', path, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = err;
  return r;
}
