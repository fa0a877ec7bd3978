/* The upstream: keeps connections alive, and answers with the bytes of scripts, paced where they say so.

   A request is verified, too: it is well formed, and asks what was asked of the gateway. */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "bench.h"

#define PACERS_MAX 16
#define SLOTS_MAX 1024
#define QUESTION "Why is the sky blue?"

struct connection {
    struct watched watched;
    char *in;
    size_t length, room;
    struct script *script; /* whose answer is under way; none between two */
    int next;
    int64_t question; /* its number */
    struct piece rest; /* of a write that was taken in part */
    struct pacer *pacer;
    int slot;
    struct connection *before, *behind; /* in its slot */
};

/* Lets streams write, each once per gap: every tick those of one slot. */
struct pacer {
    struct watched watched;
    int64_t gap_ns;
    int spread, at, streams;
    int waiting[SLOTS_MAX];
    struct connection *slot[SLOTS_MAX];
};

struct done done;
static struct pacer *pacers[PACERS_MAX];

static void leave_pacer(struct connection *connection) {
    struct pacer *pacer = connection->pacer;
    if (!pacer) return;
    if (connection->before) connection->before->behind = connection->behind;
    else pacer->slot[connection->slot] = connection->behind;
    if (connection->behind) connection->behind->before = connection->before;
    connection->before = connection->behind = NULL, connection->pacer = NULL;
    pacer->waiting[connection->slot]--;
    if (--pacer->streams == 0) timerfd_settime(pacer->watched.fd, 0, &(struct itimerspec){0}, NULL);
}

static void close_connection(struct connection *connection) {
    if (connection->script && connection->question == done.asked) done.closed_ns = now_ns();
    leave_pacer(connection);
    free(connection->in);
    connection->in = NULL;
    bury(&connection->watched);
}

/* False: the connection is gone. */
static bool put(struct connection *connection, const char *data, size_t length) {
    ssize_t sent = send(connection->watched.fd, data, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        close_connection(connection);
        return false;
    }
    sent = sent < 0 ? 0 : sent;
    bool was_full = connection->rest.length > 0, is_full = (size_t)sent < length;
    connection->rest = (struct piece){(char *)data + sent, length - (size_t)sent};
    if (is_full != was_full) rewatch(&connection->watched, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return true;
}

/* The next write. False: it was the last, or the client is gone. */
static bool write_next(struct connection *connection) {
    struct script *script = connection->script;
    if (connection->rest.length) return true; /* its client is behind: it gets its turn later */
    const struct piece *piece = &script->write[connection->next++];
    bool last = connection->next == script->writes;
    done.last_ns = now_ns();
    if (connection->next == 2 || script->writes == 1) done.first_text_ns = done.last_ns;
    if (last && !script->holds) connection->script = NULL, done.answers++;
    return put(connection, piece->data, piece->length) && !last;
}

static void tick(struct watched *watched, uint32_t events) {
    struct pacer *pacer = (struct pacer *)watched;
    uint64_t times; /* more than one: too late, and not made up for, or two writes would come as one read */
    (void)events;
    if (read(watched->fd, &times, sizeof times) != sizeof times) return;
    pacer->at = (pacer->at + 1) % pacer->spread;
    for (struct connection *each = pacer->slot[pacer->at], *behind; each; each = behind) {
        behind = each->behind;
        if (!write_next(each)) leave_pacer(each);
    }
}

static struct pacer *pacer_of(const struct script *script) {
    int at = 0;
    while (at < PACERS_MAX && pacers[at]) {
        if (pacers[at]->gap_ns == script->gap_ns && pacers[at]->spread == script->spread) return pacers[at];
        at++;
    }
    if (at == PACERS_MAX || script->spread > SLOTS_MAX) exit(2);
    struct pacer *pacer = pacers[at] = calloc(1, sizeof *pacer);
    pacer->gap_ns = script->gap_ns, pacer->spread = script->spread;
    pacer->watched = (struct watched){timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), tick, NULL};
    watch(&pacer->watched, EPOLLIN);
    return pacer;
}

static void pace(struct connection *connection) {
    struct pacer *pacer = connection->pacer = pacer_of(connection->script);
    int slot = 0;
    for (int at = 1; at < pacer->spread; at++)
        if (pacer->waiting[at] < pacer->waiting[slot]) slot = at;
    connection->slot = slot, connection->before = NULL, connection->behind = pacer->slot[slot];
    if (connection->behind) connection->behind->before = connection;
    pacer->slot[slot] = connection;
    pacer->waiting[slot]++;
    if (pacer->streams++ == 0) {
        int64_t step_ns = pacer->gap_ns / pacer->spread;
        struct timespec step = {step_ns / 1000000000, step_ns % 1000000000};
        timerfd_settime(pacer->watched.fd, 0, &(struct itimerspec){step, step}, NULL);
    }
}

static void answer(struct connection *connection, struct script *script) {
    connection->script = script, connection->next = 0;
    connection->question = ++done.asked, done.closed_ns = 0;
    done.asked_ns = now_ns();
    if (!script->writes) return;
    if (write_next(connection)) pace(connection);
}

static void count_question(void *of, const struct json_path *path, const char *text, size_t length) {
    static const char *const plain[] = {"messages", "", "content"};
    static const char *const parts[] = {"messages", "", "content", "", "text"};
    bool question = length == strlen(QUESTION) && !memcmp(text, QUESTION, length);
    if (question && (path_is(path, 3, plain) || path_is(path, 5, parts))) ++*(int *)of;
}

/* The value of a header's line; none: it is not there. */
static const char *header(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head; line < end; line = (const char *)memmem(line, (size_t)(end - line), "\r\n", 2) + 2)
        if ((size_t)(end - line) > length && line[length] == ':' && !strncasecmp(line, name, length))
            return line + length + 1;
    return NULL;
}

/* Reads the first request. How long it is; 0: it is not all there; -1: it is none that this upstream answers. */
static long request(const char *data, size_t length, struct script **script) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *size = header(data, end + 2, "content-length"), *name = data + 6;
    if (!size || strncmp(data, "POST /", 6)) return -1;
    size_t body = strtoul(size, NULL, 10), head = (size_t)(end - data) + 4;
    if (length < head + body) return 0;
    const char *slash = memchr(name, '/', (size_t)(end - name));
    *script = slash ? script_named(name, (size_t)(slash - name)) : NULL;
    int questions = 0;
    bool known = *script && !strncmp(slash, "/v1/chat/completions ", 21);
    if (!known || !walk_json(data + head, body, count_question, &questions) || questions != 1) return -1;
    return (long)(head + body);
}

static void readable(struct watched *watched, uint32_t events) {
    struct connection *connection = (struct connection *)watched;
    if (events & EPOLLOUT && connection->rest.length &&
        !put(connection, connection->rest.data, connection->rest.length))
        return;
    if (!(events & ~(uint32_t)EPOLLOUT)) return;
    if (connection->room - connection->length < 16384)
        connection->in = grown(connection->in, connection->room = connection->room * 2 + 65536);
    ssize_t got = recv(watched->fd, connection->in + connection->length, connection->room - connection->length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        close_connection(connection);
        return;
    }
    connection->length += (size_t)got;
    struct script *script = NULL;
    long used;
    while (!connection->script && (used = request(connection->in, connection->length, &script)) != 0) {
        if (used < 0) {
            fail("the upstream was asked what it does not know: %.*s", (int)connection->length, connection->in);
            close_connection(connection);
            return;
        }
        connection->length -= (size_t)used;
        memmove(connection->in, connection->in + used, connection->length);
        answer(connection, script);
        if (!connection->in) return; /* it has gone meanwhile */
    }
}

static void accept_all(struct watched *watched, uint32_t events) {
    (void)events;
    int fd;
    while ((fd = accept4(watched->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct connection *connection = calloc(1, sizeof *connection);
        connection->watched = (struct watched){fd, readable, NULL};
        watch(&connection->watched, EPOLLIN);
    }
}

int listen_upstream(void) {
    static struct watched listener = {-1, accept_all, NULL};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(listener.fd, (struct sockaddr *)&at, size) || listen(listener.fd, 4096) ||
        getsockname(listener.fd, (struct sockaddr *)&at, &size)) {
        perror("the upstream cannot listen");
        exit(2);
    }
    watch(&listener, EPOLLIN);
    return ntohs(at.sin_port);
}
