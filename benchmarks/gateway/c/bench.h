/* An upstream and a load generator in one process, on one core: what they cost is the same for every gateway, and what
   one of them has done is known to the other at once. See main.c for the commands. */

#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- main.c: the loop ------------------------------------------------------------------------------------------- */

/* What the loop watches. It stands first in a connection, a timer or a listener. */
struct watched {
    int fd;
    void (*ready)(struct watched *, uint32_t events);
    struct watched *next_dead;
};

void watch(struct watched *, uint32_t events);
void rewatch(struct watched *, uint32_t events);
void bury(struct watched *); /* close it now, and free it once no event of this turn can name it */

int64_t now_ns(void);
void *grown(void *memory, size_t size); /* realloc that never fails */

/* Ends the command that runs with an error for its answer; the first one stays. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool failed(void);

/* --- script.c: what the upstream says ---------------------------------------------------------------------------- */

struct piece {
    char *data;
    size_t length;
};

/* An answer, as Python has made it. */
struct script {
    char name[64];
    bool stream;       /* events, not one JSON body */
    bool holds;        /* silence follows the last write */
    int64_t gap_ns;    /* from one write to the next; 0: all at once */
    int spread;        /* over how many moments of the gap streams are dealt out */
    int writes;
    struct piece *write;
    struct piece text; /* of the answer, as it must arrive */
};

void read_scripts(const char *path);
struct script *script_named(const char *name, size_t length);

/* --- json.c: the shape of a text --------------------------------------------------------------------------------- */

#define DEPTH_MAX 32

struct json_path {
    struct piece key[DEPTH_MAX]; /* of the objects around the value; without data for an array */
    int depth;
};

/* Told of every text that is a value: its place, and its bytes as they are written. */
typedef void (*json_text)(void *of, const struct json_path *, const char *text, size_t length);

/* Walks over one value, which must fill all of the bytes. False: it is not JSON. */
bool walk_json(const char *data, size_t length, json_text told, void *of);
bool path_is(const struct json_path *, int depth, const char *const *keys); /* a key of "" stands for an array */

/* --- upstream.c --------------------------------------------------------------------------------------------------- */

/* What the upstream has done last; exact for a load generator that asks for one thing at a time. */
struct done {
    int64_t asked_ns, first_text_ns, last_ns, answers;
    int64_t asked, closed_ns; /* its questions by number; when the connection of the last one closed in mid-answer */
};
extern struct done done;

int listen_upstream(void); /* the port */

/* --- load.c ------------------------------------------------------------------------------------------------------- */

struct work {
    int port, connections;
    int64_t count;
    struct script *script;
    struct piece request;
};

void load(const struct work *);             /* ask so often, and verify every answer */
void hold(const struct work *);             /* open streams, and leave them open after the first piece of text */
void drop(void);                            /* close them */
void leave(const struct work *, int pieces); /* go after so many pieces of text; how soon is the upstream closed? */
bool turn(int timeout_ms);                  /* one turn of the loop */

#endif
