/* bench SCRIPTS [CORE]: prints the upstream's port, and then obeys commands from standard input, each with one line of
   JSON for an answer, until its end:

       load PORT CONNECTIONS COUNT SCRIPT LENGTH       ask so often, over so many connections at a time
       hold PORT 1 COUNT SCRIPT LENGTH                 open streams, one behind the other, and leave them open
       drop                                            close all connections to gateways
       leave PORT 1 PIECES SCRIPT LENGTH               ask, go after so many pieces of text, and wait for the upstream
       answers                                         how many answers the upstream has sent whole

   Behind a line with a length come so many bytes: the request, as it is sent. An answer may be {"error": "…"}. */

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define EVENTS_MAX 512

static int epoll = -1;
static struct watched *dead;
static char error[2048];

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void *grown(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (!memory) abort();
    return memory;
}

void fail(const char *format, ...) {
    if (*error) return;
    va_list values;
    va_start(values, format);
    vsnprintf(error, sizeof error, format, values);
    va_end(values);
    for (char *at = error; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\' || (unsigned char)*at > 0x7e) *at = '\'';
}

bool failed(void) { return *error; }

static void change(struct watched *watched, uint32_t events, int how) {
    struct epoll_event event = {events, {.ptr = watched}};
    if (epoll_ctl(epoll, how, watched->fd, &event)) fail("epoll: %s", strerror(errno));
}

void watch(struct watched *watched, uint32_t events) { change(watched, events, EPOLL_CTL_ADD); }
void rewatch(struct watched *watched, uint32_t events) { change(watched, events, EPOLL_CTL_MOD); }

void bury(struct watched *watched) {
    close(watched->fd);
    watched->fd = -1;
    watched->next_dead = dead, dead = watched;
}

bool turn(int timeout_ms) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, timeout_ms);
    for (int at = 0; at < count; at++) {
        struct watched *watched = events[at].data.ptr;
        if (watched->fd >= 0) watched->ready(watched, events[at].events);
    }
    while (dead) {
        struct watched *next = dead->next_dead;
        free(dead);
        dead = next;
    }
    return count > 0;
}

/* --- Commands ----------------------------------------------------------------------------------------------------- */

static char line[65536];
static size_t held_bytes;
static bool over;

static void take_in(struct watched *watched, uint32_t events) {
    (void)events;
    ssize_t got = read(watched->fd, line + held_bytes, sizeof line - held_bytes);
    if (got <= 0) over = true;
    else held_bytes += (size_t)got;
}

static void obey(const char *name, struct work *work) {
    if (!strcmp(name, "load")) load(work);
    else if (!strcmp(name, "hold")) hold(work);
    else if (!strcmp(name, "leave")) leave(work, (int)work->count);
    else if (!strcmp(name, "drop")) drop();
    else if (!strcmp(name, "answers")) printf("{\"answers\":%lld}\n", (long long)done.answers);
    else fail("no such command");
}

/* Obeys the first command, if it is all there. */
static bool next_command(void) {
    char *end = memchr(line, '\n', held_bytes);
    if (!end) return false;
    char name[16] = "", script[64] = "";
    long long count = 0;
    size_t length = 0, head = (size_t)(end - line) + 1;
    struct work work = {0};
    *end = 0;
    int found = sscanf(line, "%15s %d %d %lld %63s %zu", name, &work.port, &work.connections, &count, script, &length);
    *end = '\n';
    if (held_bytes < head + length && head + length <= sizeof line) return false;
    *error = 0;
    work.count = count, work.request = (struct piece){line + head, length};
    work.script = script_named(script, strlen(script));
    if (found > 1 && (found < 6 || !work.script || head + length > sizeof line)) fail("a command that makes no sense");
    else obey(name, &work);
    if (*error) printf("{\"error\":\"%s\"}\n", error);
    fflush(stdout);
    held_bytes -= head + length;
    memmove(line, line + head + length, held_bytes);
    return true;
}

int main(int count, char **words) {
    static struct watched input = {0, take_in, NULL};
    struct rlimit files;
    if (count < 2) return 2;
    if (count > 2) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET(atoi(words[2]), &cores);
        if (sched_setaffinity(0, sizeof cores, &cores)) perror("the core");
    }
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_scripts(words[1]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    printf("%d\n", listen_upstream());
    fflush(stdout);
    watch(&input, EPOLLIN);
    while (!over)
        if (!next_command()) turn(-1);
    return 0;
}
