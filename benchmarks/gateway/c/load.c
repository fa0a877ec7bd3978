/* The load generator: asks over connections that it keeps, and verifies every byte of every answer.

   Gateways write answers in words of their own. So what is around the text must be well formed, as HTTP, as a stream of
   events and as JSON; and the text must come as the upstream sent it, whole and once, with the end that belongs to it. */

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

#include "bench.h"

#define SILENCE_MS 20000

struct client {
    struct watched watched;
    struct client *next;
    int port;
    bool busy;
    char *in; /* bytes that are not understood yet */
    size_t length, room;
    enum { HEAD, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, LAST_END } state;
    bool stream, chunked, told_done, finished;
    size_t left; /* of the body, or of the chunk */
    char *body;  /* what of the body is not verified yet */
    size_t body_length, body_room, heard; /* heard: bytes of the text so far */
    int pieces;
    int64_t asked_ns, first_ns, last_ns;
};

static struct client *clients, *held;
static struct work asked; /* by the command that runs, or the last one */
static const struct work *const work = &asked;
static int64_t begun, ended, reads, pieces;
static int64_t *total_ns, *first_ns, *end_ns, *added_first_ns, *added_end_ns;

static void end_of_answer(struct client *);

/* --- What an answer says ------------------------------------------------------------------------------------------ */

static void hear(void *of, const struct json_path *path, const char *text, size_t length) {
    static const char *const delta[] = {"choices", "", "delta", "content"};
    static const char *const whole[] = {"choices", "", "message", "content"};
    static const char *const finish[] = {"choices", "", "finish_reason"};
    struct client *client = of;
    if (path->depth && path->key[0].length == 5 && !memcmp(path->key[0].data, "error", 5))
        fail("the answer holds an error: %.*s", (int)length, text);
    if (path_is(path, 3, finish)) {
        client->finished = true;
        if (length != 4 || memcmp(text, "stop", 4)) fail("the answer ends with %.*s", (int)length, text);
        return;
    }
    if (!length || !path_is(path, 4, client->stream ? delta : whole)) return;
    const struct piece *wanted = &work->script->text;
    if (client->heard + length > wanted->length || memcmp(wanted->data + client->heard, text, length))
        fail("a wrong byte in the text: at %zu stands %.*s", client->heard, (int)length, text);
    client->heard += length;
    client->pieces++;
    pieces++;
    client->last_ns = now_ns();
    if (!client->first_ns) client->first_ns = client->last_ns;
}

static void hear_line(struct client *client, const char *line, size_t length) {
    if (!length || *line == ':') return;
    if (length < 6 || memcmp(line, "data:", 5) || client->told_done) {
        fail("a wrong line in the stream: %.*s", (int)length, line);
        return;
    }
    line += 5, length -= 5;
    if (*line == ' ') line++, length--;
    if (length == 6 && !memcmp(line, "[DONE]", 6)) client->told_done = true;
    else if (!walk_json(line, length, hear, client)) fail("an event is not JSON: %.*s", (int)length, line);
}

static void hear_body(struct client *client, const char *data, size_t length) {
    if (client->body_length + length > client->body_room)
        client->body = grown(client->body, client->body_room = (client->body_length + length) * 2 + 4096);
    memcpy(client->body + client->body_length, data, length);
    client->body_length += length;
    if (!client->stream) return;
    char *line = client->body, *end = line + client->body_length, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        size_t size = (size_t)(newline - line);
        hear_line(client, line, size && line[size - 1] == '\r' ? size - 1 : size);
        line = newline + 1;
    }
    client->body_length = (size_t)(end - line);
    memmove(client->body, line, client->body_length);
}

static void hear_end(struct client *client) {
    if (!client->stream) {
        client->last_ns = now_ns();
        if (!walk_json(client->body, client->body_length, hear, client)) fail("the answer is not JSON");
    } else if (client->body_length || !client->told_done) {
        fail("the stream ends without its end");
    }
    if (client->heard != work->script->text.length) fail("the text ends after %zu bytes", client->heard);
    if (!client->finished) fail("the answer does not say why it ended");
    end_of_answer(client);
}

/* --- HTTP --------------------------------------------------------------------------------------------------------- */

static const char *header(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = head; line < end; line = (const char *)memmem(line, (size_t)(end - line), "\r\n", 2) + 2)
        if ((size_t)(end - line) > length && line[length] == ':' && !strncasecmp(line, name, length))
            return line + length + 1 + strspn(line + length + 1, " ");
    return NULL;
}

/* How many bytes of the head are understood; 0: it is not all there. */
static size_t hear_head(struct client *client, const char *data, size_t length) {
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    const char *size = header(data, end + 2, "content-length"), *type = header(data, end + 2, "content-type");
    const char *framing = header(data, end + 2, "transfer-encoding");
    const char *wanted = work->script->stream ? "text/event-stream" : "application/json";
    if (strncmp(data, "HTTP/1.1 200 ", 13)) fail("the answer is no success: %.*s", (int)length, data);
    else if (!type || strncasecmp(type, wanted, strlen(wanted))) fail("the answer is of another type");
    else if (!size == !framing || (framing && strncasecmp(framing, "chunked\r", 8))) fail("the answer has no length");
    client->stream = work->script->stream;
    client->left = size ? strtoul(size, NULL, 10) : 0;
    client->state = size ? SIZED : CHUNK_SIZE;
    return (size_t)(end - data) + 4;
}

/* How many bytes are understood; 0: more are needed first. */
static size_t step(struct client *client, const char *data, size_t length) {
    size_t size = length < client->left ? length : client->left;
    const char *end;
    switch (client->state) {
    case HEAD: return hear_head(client, data, length);
    case SIZED:
    case CHUNK:
        hear_body(client, data, size);
        client->left -= size;
        if (!client->left && client->state == CHUNK) client->state = CHUNK_END;
        else if (!client->left) hear_end(client);
        return size;
    case CHUNK_SIZE:
        if (!(end = memmem(data, length, "\r\n", 2))) return 0;
        if (end == data || strspn(data, "0123456789abcdefABCDEF") < (size_t)(end - data)) fail("a chunk without a size");
        client->left = strtoul(data, NULL, 16);
        client->state = client->left ? CHUNK : LAST_END;
        return (size_t)(end - data) + 2;
    default:
        if (length < 2) return 0;
        if (memcmp(data, "\r\n", 2)) fail("a chunk without an end");
        if (client->state == CHUNK_END) client->state = CHUNK_SIZE;
        else hear_end(client);
        return 2;
    }
}

static void gone(struct client *client) {
    struct client **place = &clients;
    while (*place && *place != client) place = &(*place)->next;
    if (*place) *place = client->next;
    free(client->in);
    free(client->body);
    bury(&client->watched);
}

static void readable(struct watched *watched, uint32_t events) {
    struct client *client = (struct client *)watched;
    (void)events;
    if (client->room - client->length < 65536)
        client->in = grown(client->in, client->room = client->room * 2 + 131072);
    ssize_t got = recv(watched->fd, client->in + client->length, client->room - client->length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (client->busy) fail("the gateway closed a connection in mid-answer");
        gone(client);
        return;
    }
    reads++;
    client->length += (size_t)got;
    size_t at = 0, used;
    while (client->busy && !failed() && at < client->length &&
           (used = step(client, client->in + at, client->length - at)) > 0)
        at += used;
    client->length -= at;
    memmove(client->in, client->in + at, client->length);
    if (!client->busy && client->length) fail("bytes come behind an answer");
}

static struct client *new_client(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at)) {
        fail("the gateway takes no connection: %s", strerror(errno));
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct client *client = grown(NULL, sizeof *client);
    *client = (struct client){.watched = {fd, readable, NULL}, .port = port};
    watch(&client->watched, EPOLLIN);
    return client;
}

static void ask(struct client *client) {
    client->busy = true, client->state = HEAD, client->told_done = client->finished = false;
    client->body_length = client->heard = 0, client->pieces = 0, client->first_ns = client->last_ns = 0;
    client->asked_ns = now_ns();
    const struct piece *request = &work->request;
    if (send(client->watched.fd, request->data, request->length, MSG_NOSIGNAL) != (ssize_t)request->length)
        fail("the gateway does not take a request: %s", strerror(errno));
    begun++;
}

static void end_of_answer(struct client *client) {
    int64_t now = now_ns();
    client->busy = false;
    if (failed() || ended >= work->count) return;
    total_ns[ended] = now - client->asked_ns;
    first_ns[ended] = client->first_ns - client->asked_ns;
    end_ns[ended] = now - client->last_ns;
    added_first_ns[ended] = (done.asked_ns - client->asked_ns) + (client->first_ns - done.first_text_ns);
    added_end_ns[ended] = now - done.last_ns;
    ended++;
    if (begun < work->count) ask(client);
}

/* --- The commands ------------------------------------------------------------------------------------------------- */

static int by_size(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

static void print_times(const char *name, int64_t *times) {
    qsort(times, (size_t)ended, sizeof *times, by_size);
    printf(",\"%s\":[%.2f,%.2f,%.2f]", name, (double)times[ended / 2] / 1e3, (double)times[ended * 99 / 100] / 1e3,
           (double)times[ended - 1] / 1e3);
}

static void close_clients(void) {
    while (clients) gone(clients);
    while (held) {
        struct client *client = held;
        held = client->next;
        gone(client);
    }
}

static bool wait_for(const int64_t *what, int64_t least) {
    while (!failed() && *what < least)
        if (!turn(SILENCE_MS)) fail("nothing happened for %d seconds", SILENCE_MS / 1000);
    if (failed()) close_clients();
    return !failed();
}

void load(const struct work *given) {
    static int64_t **const all[] = {&total_ns, &first_ns, &end_ns, &added_first_ns, &added_end_ns};
    asked = *given, begun = ended = reads = pieces = 0;
    for (int at = 0; at < 5; at++) *all[at] = grown(*all[at], sizeof(int64_t) * (size_t)work->count);
    while (turn(0)) {} /* connections that were closed meanwhile are seen to be so */
    int64_t began_ns = now_ns();
    int asking = 0;
    for (struct client *client = clients; client && asking < work->connections && begun < work->count; client = client->next)
        if (client->port == work->port) ask(client), asking++;
    while (!failed() && asking++ < work->connections && begun < work->count) {
        struct client *client = new_client(work->port);
        if (!client) break;
        client->next = clients, clients = client;
        ask(client);
    }
    if (!wait_for(&ended, work->count)) return;
    printf("{\"count\":%lld,\"wall_us\":%.2f,\"reads\":%lld,\"pieces\":%lld", (long long)ended,
           (double)(now_ns() - began_ns) / 1e3, (long long)reads, (long long)pieces);
    print_times("total_us", total_ns);
    print_times("first_us", first_ns);
    print_times("end_us", end_ns);
    print_times("added_first_us", added_first_ns);
    print_times("added_end_us", added_end_ns);
    printf("}\n");
}

static bool open_one(int count) {
    struct client *client = new_client(work->port);
    if (!client) return false;
    client->next = held, held = client;
    int64_t before = pieces;
    ask(client);
    return wait_for(&pieces, before + count);
}

void hold(const struct work *given) {
    asked = *given, pieces = 0;
    for (int64_t opened = 0; opened < work->count; opened++)
        if (!open_one(1)) return;
    printf("{\"held\":%lld}\n", (long long)work->count);
}

void drop(void) {
    close_clients();
    while (turn(50)) {}
    printf("{}\n");
}

void leave(const struct work *given, int after) {
    asked = *given, pieces = 0;
    int64_t questions = done.asked;
    if (!open_one(after) || !wait_for(&done.asked, questions + 1)) return;
    int64_t settled_ns = now_ns() + 20000000;
    while (now_ns() < settled_ns) turn(5);
    struct client *client = held;
    held = client->next;
    int64_t left_ns = now_ns();
    gone(client);
    while (!failed() && !done.closed_ns && now_ns() - left_ns < 3000000000) turn(100);
    if (failed()) close_clients();
    else printf("{\"closed_us\":%.2f}\n", done.closed_ns ? (double)(done.closed_ns - left_ns) / 1e3 : -1.0);
}
