/* Walks over JSON, strictly: what is let pass here is what RFC 8259 allows, and nothing has to be stored. */

#include <string.h>

#include "bench.h"

struct walk {
    const char *at, *end;
    struct json_path path;
    json_text told;
    void *of;
};

static bool value(struct walk *);

static void skip_space(struct walk *walk) {
    while (walk->at < walk->end && (*walk->at == ' ' || *walk->at == '\n' || *walk->at == '\r' || *walk->at == '\t'))
        walk->at++;
}

static bool taken(struct walk *walk, char wanted) {
    skip_space(walk);
    if (walk->at == walk->end || *walk->at != wanted) return false;
    walk->at++;
    return true;
}

static bool is_hex(char letter) {
    return (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'f');
}

static bool text(struct walk *walk, struct piece *found) {
    if (!taken(walk, '"')) return false;
    found->data = (char *)walk->at;
    while (walk->at < walk->end && *walk->at != '"') {
        unsigned char letter = (unsigned char)*walk->at++;
        if (letter < 0x20) return false;
        if (letter != '\\') continue;
        if (walk->at == walk->end || !strchr("\"\\/bfnrtu", *walk->at)) return false;
        if (*walk->at++ != 'u') continue;
        for (int digit = 0; digit < 4; digit++)
            if (walk->at == walk->end || !is_hex(*walk->at++)) return false;
    }
    found->length = (size_t)(walk->at - found->data);
    return taken(walk, '"');
}

static bool digits(struct walk *walk) {
    const char *began = walk->at;
    while (walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9') walk->at++;
    return walk->at > began;
}

static bool number(struct walk *walk) {
    if (walk->at < walk->end && *walk->at == '-') walk->at++;
    if (walk->at < walk->end && *walk->at == '0') walk->at++;
    else if (!digits(walk)) return false;
    if (walk->at < walk->end && *walk->at == '.' && (walk->at++, !digits(walk))) return false;
    if (walk->at < walk->end && (*walk->at | 32) == 'e') {
        walk->at++;
        if (walk->at < walk->end && (*walk->at == '+' || *walk->at == '-')) walk->at++;
        return digits(walk);
    }
    return true;
}

static bool word(struct walk *walk, const char *wanted) {
    size_t length = strlen(wanted);
    if ((size_t)(walk->end - walk->at) < length || memcmp(walk->at, wanted, length)) return false;
    walk->at += length;
    return true;
}

static bool members(struct walk *walk, char close, bool keys) {
    struct json_path *path = &walk->path;
    if (path->depth == DEPTH_MAX) return false;
    struct piece *key = &path->key[path->depth++];
    *key = (struct piece){NULL, 0};
    if (!taken(walk, close)) {
        do {
            if (keys && (!text(walk, key) || !taken(walk, ':'))) return false;
            if (!value(walk)) return false;
        } while (taken(walk, ','));
        if (!taken(walk, close)) return false;
    }
    path->depth--;
    return true;
}

static bool value(struct walk *walk) {
    skip_space(walk);
    if (walk->at == walk->end) return false;
    struct piece found;
    switch (*walk->at) {
    case '{': walk->at++; return members(walk, '}', true);
    case '[': walk->at++; return members(walk, ']', false);
    case '"':
        if (!text(walk, &found)) return false;
        walk->told(walk->of, &walk->path, found.data, found.length);
        return true;
    case 't': return word(walk, "true");
    case 'f': return word(walk, "false");
    case 'n': return word(walk, "null");
    default: return number(walk);
    }
}

bool walk_json(const char *data, size_t length, json_text told, void *of) {
    struct walk walk = {data, data + length, {.depth = 0}, told, of};
    if (!value(&walk)) return false;
    skip_space(&walk);
    return walk.at == walk.end;
}

bool path_is(const struct json_path *path, int depth, const char *const *keys) {
    if (path->depth != depth) return false;
    for (int at = 0; at < depth; at++) {
        const struct piece *key = &path->key[at];
        if (key->length != strlen(keys[at]) || (key->length && memcmp(key->data, keys[at], key->length))) return false;
    }
    return true;
}
