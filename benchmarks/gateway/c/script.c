/* Reads the scripts: for each a line of its numbers, then its text and its writes, byte by byte as Python made them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SCRIPTS_MAX 64

static struct script scripts[SCRIPTS_MAX];
static int count;

static struct piece bytes(FILE *file, size_t length) {
    struct piece piece = {grown(NULL, length + 1), length};
    if (fread(piece.data, 1, length, file) != length || fgetc(file) != '\n') {
        fprintf(stderr, "the file of scripts ends too soon\n");
        exit(2);
    }
    return piece;
}

void read_scripts(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    struct script *script = scripts;
    int stream, holds;
    long gap_us;
    size_t length;
    while (count < SCRIPTS_MAX && fscanf(file, "%63s %d %d %ld %d %d %zu", script->name, &stream, &holds, &gap_us,
                                         &script->spread, &script->writes, &length) == 7 && fgetc(file) == '\n') {
        script->stream = stream, script->holds = holds, script->gap_ns = gap_us * 1000;
        script->text = bytes(file, length);
        script->write = grown(NULL, sizeof(struct piece) * (size_t)(script->writes + 1));
        for (int at = 0; at < script->writes; at++) {
            if (fscanf(file, "%zu", &length) != 1 || fgetc(file) != '\n') exit(2);
            script->write[at] = bytes(file, length);
        }
        if (script->writes > 1 && !gap_us) exit(2); /* what is written at once is one write */
        script = &scripts[++count];
    }
    fclose(file);
}

struct script *script_named(const char *name, size_t length) {
    for (int at = 0; at < count; at++)
        if (strlen(scripts[at].name) == length && !memcmp(scripts[at].name, name, length)) return &scripts[at];
    return NULL;
}
