/* source - the inputs of a session, looked over once: when each came, of what kind it is, where the rows of
 * each store are. Inputs are read again when somebody wants them. */
#include "replay/source.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/model.h"
#include "event/codec.h"
#include "journal/file.h"

enum { INPUTS_MOST = 1 << 24 };    /* more is no session: a day has 86 400 seconds */

/* The chain, checked on a thread of its own. */
struct check {
    pthread_t thread;
    bool running;
    atomic_bool cancel;
    atomic_int chain;              /* enum source_chain */
    struct err err;                /* written before `chain` turns to broken */
};

struct source {
    char *name;
    struct journal_file *file;
    uint64_t before;               /* input k here is input before + k of the journal */
    struct timeline timeline;
    int64_t *offset_ms;            /* timeline.offset_ms */
    uint8_t *kinds;                /* [1..count] */
    uint32_t *lengths;
    size_t capacity;
    struct source_rows *rows;
    size_t row_count, row_capacity;
    uint64_t unknown;
    char problem[640];
    struct check check;
};

/* ---- the timeline ---- */

int64_t timeline_offset(const struct timeline *t, uint64_t n)
{
    return n == 0 || t->count == 0 ? 0 : t->offset_ms[n < t->count ? n : t->count];
}

int64_t timeline_length(const struct timeline *t) { return timeline_offset(t, t->count); }

uint64_t timeline_at(const struct timeline *t, int64_t ms)
{
    uint64_t low = 0, high = t->count;
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (t->offset_ms[middle] <= ms)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* ---- looking over a line: what stands at the front of an input, as input_encode() puts it ---- */

struct front { int64_t offset_ms, number; uint64_t store; int kind; bool has_kind; };

static bool take(const char **at, const char *end, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(end - *at) < length || memcmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

static bool take_number(const char **at, const char *end, int64_t *number)
{
    bool minus = take(at, end, "-");
    const char *start = *at;
    int64_t n = 0;
    while (*at < end && *at - start < 18 && **at >= '0' && **at <= '9')
        n = n * 10 + (*(*at)++ - '0');
    *number = minus ? -n : n;
    return *at > start;
}

/* The inside of a string that may hold escapes. */
static bool take_text(const char **at, const char *end, const char **text, size_t *length)
{
    if (!take(at, end, "\""))
        return false;
    *text = *at;
    while (*at < end && **at != '"')
        *at += **at == '\\' && *at + 1 < end ? 2 : 1;
    *length = (size_t)(*at - *text);
    return take(at, end, "\"");
}

static int kind_of(const char *name, size_t length)
{
    for (int kind = 0; kind < IN_KIND_COUNT; kind++) {
        const char *known = input_kind_name((enum input_kind)kind);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return kind;
    }
    return IN_KIND_COUNT;
}

static bool take_member(const char **at, const char *end, struct front *front)
{
    static const char *const texts[] = {"\"sequence\":", "\"request\":", "\"generation\":", "\"name\":",
                                        "\"text\":", "\"title\":", "\"expect\":"};
    const char *text;
    size_t length;
    int64_t number;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (take(at, end, texts[i]))
            return take_text(at, end, &text, &length);
    if (take(at, end, "\"offset_ms\":"))
        return take_number(at, end, &front->offset_ms);
    if (take(at, end, "\"number\":"))
        return take_number(at, end, &front->number);
    if (take(at, end, "\"kind\":")) {
        front->has_kind = take_text(at, end, &text, &length);
        front->kind = front->has_kind ? kind_of(text, length) : IN_NONE;
        return front->has_kind;
    }
    if (take(at, end, "\"store\":") && take_text(at, end, &text, &length)) {
        const char *digits = text;
        front->store = take_number(&digits, text + length, &number) ? (uint64_t)number : 0;
        return true;
    }
    return false;
}

static struct front look_at(const char *object, size_t length)
{
    struct front front = {0};
    const char *at = object + 1, *end = object + length;
    while (take_member(&at, end, &front) && take(&at, end, ","))
        ;
    if (!front.has_kind)          /* not as we write it: what it is will be seen when it is decoded */
        front.kind = IN_NONE;
    return front;
}

/* ---- opening ---- */

static void add_rows(struct source *s, const struct front *front)
{
    if (front->kind != IN_PAGE && front->kind != IN_STORE)
        return;
    if (s->row_count == s->row_capacity) {
        s->row_capacity = s->row_capacity ? s->row_capacity * 2 : 64;
        s->rows = xrealloc(s->rows, s->row_capacity * sizeof *s->rows);
    }
    s->rows[s->row_count++] = (struct source_rows){
        .n = s->timeline.count, .store = front->store, .first = front->kind == IN_PAGE ? front->number : -1};
}

static void grow(struct source *s)
{
    if (s->timeline.count + 1 < s->capacity)
        return;
    s->capacity = s->capacity ? s->capacity * 2 : 1024;
    s->kinds = xrealloc(s->kinds, s->capacity * sizeof *s->kinds);
    s->lengths = xrealloc(s->lengths, s->capacity * sizeof *s->lengths);
    s->offset_ms = xrealloc(s->offset_ms, s->capacity * sizeof *s->offset_ms);
    s->timeline.offset_ms = s->offset_ms;
}

static void add_input(struct source *s, const struct front *front, size_t length)
{
    int64_t last = timeline_length(&s->timeline), most = INT64_C(1) << 52;
    grow(s);
    uint64_t n = ++s->timeline.count;
    s->kinds[n] = (uint8_t)front->kind;
    s->lengths[n] = (uint32_t)length;
    s->offset_ms[n] = front->offset_ms < last ? last : front->offset_ms > most ? most : front->offset_ms;
    s->unknown += front->kind == IN_KIND_COUNT;
    add_rows(s, front);
}

static void note_problem(struct source *s, const struct err *err)
{
    snprintf(s->problem, sizeof s->problem, "%.200s%s%.200s%s%.120s: what comes after it is not shown", err->message,
             err->why[0] ? ": " : "", err->why, err->at[0] ? ", " : "", err->at);
}

static void look_over(struct source *s)
{
    const struct journal_facts *facts = journal_file_facts(s->file);
    struct err err = {0};
    for (uint64_t n = facts->first; n <= facts->last && s->timeline.count < INPUTS_MOST; n++) {
        const char *line;
        size_t length;
        if (!journal_file_input(s->file, n, &line, &length, &err)) {
            note_problem(s, &err);
            return;
        }
        struct front front = look_at(line, length);
        add_input(s, &front, length);
    }
    if (facts->damaged)
        note_problem(s, &facts->problem);
    s->unknown += facts->unknown;
}

static bool start(struct source **source, struct source *s, const char *name, bool opened)
{
    *source = opened ? s : NULL;
    if (!opened) {
        free(s);
        return false;
    }
    s->name = xstrdup(name);
    s->before = journal_file_facts(s->file)->first - 1;
    look_over(s);
    return true;
}

bool source_open(struct source **source, const char *path, struct err *err)
{
    struct source *s = xcalloc(1, sizeof *s);
    return start(source, s, path, journal_file_open(&s->file, path, err));
}

bool source_bytes(struct source **source, const char *name, const char *bytes, size_t length, struct err *err)
{
    struct source *s = xcalloc(1, sizeof *s);
    return start(source, s, name, journal_file_bytes(&s->file, name, bytes, length, err));
}

void source_close(struct source *s)
{
    if (!s)
        return;
    atomic_store(&s->check.cancel, true);
    if (s->check.running)
        pthread_join(s->check.thread, NULL);
    journal_file_close(s->file);
    free(s->name);
    free(s->offset_ms);
    free(s->kinds);
    free(s->lengths);
    free(s->rows);
    free(s);
}

/* ---- asking ---- */

const char *source_name(const struct source *s) { return s->name; }
const struct journal_header *source_header(const struct source *s) { return journal_file_header(s->file); }
const struct timeline *source_timeline(const struct source *s) { return &s->timeline; }
const char *source_problem(const struct source *s) { return s->problem; }
uint64_t source_before(const struct source *s) { return s->before; }
uint64_t source_unknown(const struct source *s) { return s->unknown; }
bool source_newer(const struct source *s) { return journal_file_facts(s->file)->newer; }
int source_dropped(const struct source *s) { return journal_file_facts(s->file)->dropped; }
enum journal_end source_end(const struct source *s) { return journal_file_facts(s->file)->end; }
const char *source_failure(const struct source *s) { return journal_file_facts(s->file)->failure; }
const char *source_hash(const struct source *s) { return journal_file_facts(s->file)->hash; }

static bool has(const struct source *s, uint64_t n) { return n >= 1 && n <= s->timeline.count; }

enum input_kind source_kind(const struct source *s, uint64_t n)
{
    return has(s, n) ? (enum input_kind)s->kinds[n] : IN_NONE;
}

size_t source_length(const struct source *s, uint64_t n) { return has(s, n) ? s->lengths[n] : 0; }

const struct source_rows *source_rows(const struct source *s, size_t *count)
{
    *count = s->row_count;
    return s->rows;
}

const char *source_line(struct source *s, uint64_t n, size_t *length)
{
    const char *line;
    return has(s, n) && journal_file_input(s->file, s->before + n, &line, length, NULL) ? line : NULL;
}

struct input *source_input(struct source *s, uint64_t n, struct err *err)
{
    const char *line;
    size_t length;
    struct input *in = NULL;
    if (!has(s, n) || !journal_file_input(s->file, s->before + n, &line, &length, err))
        return NULL;
    if (source_kind(s, n) == IN_KIND_COUNT) {
        in = input_new(IN_NONE);
    } else if (!input_decode(line, length, &in, err)) {
        err_context(err, "input %llu", (unsigned long long)(s->before + n));
        return NULL;
    }
    in->offset_ms = s->offset_ms[n];
    return in;
}

/* ---- checkpoints ---- */

uint64_t source_checkpoint_at(const struct source *s, uint64_t n)
{
    size_t low = 0, high = journal_file_facts(s->file)->checkpoints;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (journal_file_checkpoint_at(s->file, middle) <= s->before + n)
            low = middle + 1;
        else
            high = middle;
    }
    uint64_t at = low ? journal_file_checkpoint_at(s->file, low - 1) : 0;
    return at > s->before ? at - s->before : 0;
}

struct model *source_checkpoint(struct source *s, uint64_t n, uint64_t *at)
{
    const char *text;
    size_t length;
    struct model *model = NULL;
    if (!journal_file_checkpoint(s->file, s->before + n, at, &text, &length, NULL) || !text ||
        !model_decode(text, length, &model, NULL))
        return NULL;
    *at = *at > s->before ? *at - s->before : 0;
    return model;
}

/* ---- the chain ---- */

static void *check_body(void *argument)
{
    struct source *s = argument;
    struct journal_summary summary;
    struct err err = {0};
    if (journal_file_verify(s->file, &s->check.cancel, NULL, &summary, &err)) {
        atomic_store(&s->check.chain, CHAIN_WHOLE);
    } else if (err.class != ERR_CANCELLED) {
        s->check.err = err;
        atomic_store(&s->check.chain, CHAIN_BROKEN);
    }
    return NULL;
}

void source_verify(struct source *s)
{
    sigset_t all, old;
    if (s->check.running)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);    /* signals are the main thread's */
    s->check.running = pthread_create(&s->check.thread, NULL, check_body, s) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

enum source_chain source_check(struct source *s, const struct err **err)
{
    check_body(s);
    return source_chain(s, err);
}

enum source_chain source_chain(const struct source *s, const struct err **err)
{
    enum source_chain chain = (enum source_chain)atomic_load(&((struct source *)s)->check.chain);
    *err = chain == CHAIN_BROKEN ? &s->check.err : NULL;
    return chain;
}
