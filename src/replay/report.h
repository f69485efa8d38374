/* report - what an incident report says, gathered from one or more sessions, and its three faces: Markdown for
 * people, JSON for machines, HTML with the screens drawn. The same journals (and TZ) give the same bytes. */
#ifndef SEEDOPS_REPLAY_REPORT_H
#define SEEDOPS_REPLAY_REPORT_H

#include "base/str.h"
#include "event/types.h"
#include "replay/source.h"

enum report_kind {
    REPORT_DONE, REPORT_FAILED, REPORT_REFUSED, REPORT_NOTE,     /* as marks are */
    REPORT_SEEN, REPORT_RAN, REPORT_IDENTITY, REPORT_SAFEPOINT, REPORT_ANSWERED, REPORT_KINDS
};

struct report_entry {
    int64_t wall_ms;
    size_t session;
    uint64_t n;
    enum report_kind kind;
    bool reviewer;               /* a note made afterwards */
    char *text;                  /* foreign, as all texts here */
};

struct report_count {            /* of one write */
    size_t session;
    int64_t wall_ms;
    char *operation, *table;
    int64_t before, after;
};

struct report_screen {           /* drawn as it was after input n, as HTML */
    size_t session;
    uint64_t n;
    struct str html;
};

struct report_diagnosis {
    size_t session;
    int64_t wall_ms;
    struct fact_diagnosis facts;
};

struct report_session {
    const char *path;
    struct source *source;
    int64_t start_ms, end_ms;    /* wall clock */
    char *server, *database, *cluster, *role;   /* as the server said */
    enum source_chain chain;
    struct err chain_err;
    char problem[256];           /* an input that could not be read; "" none */
};

struct report {
    struct report_session *sessions;
    size_t session_count;
    struct report_entry *entries;               /* by time */
    size_t entry_count;
    struct report_count *counts;
    size_t count_count;
    struct report_diagnosis *diagnoses;
    size_t diagnosis_count;
    struct report_screen *screens;              /* NULL unless wanted */
    size_t screen_count;
};

/* Reads all of them; `screens`: also draws the screens at what was done. False names the one that cannot be
 * read. */
bool report_make(struct report *report, char *const *paths, size_t count, bool screens, struct err *err);
void report_free(struct report *report);

void report_markdown(const struct report *report, struct str *out);
void report_json(const struct report *report, struct str *out);
void report_html(const struct report *report, struct str *out);

/* ---- for the faces ---- */
const char *report_kind_name(enum report_kind kind);     /* "done" "failed" "refused" "note" "seen" "ran" ... */
/* "2026-11-21 08:24:48Z"; "2026-11-21 09:24:48 +0100" in the zone of TZ. */
/* The verdict rests on what the one before it (NULL: there is none) rested on. */
bool report_same_evidence(const struct report_diagnosis *d, const struct report_diagnosis *before);
const char *report_utc(char out[40], int64_t wall_ms);
const char *report_local(char out[40], int64_t wall_ms);
/* "ops (root by sudo) from 10.0.0.7 on host" */
void report_who(const struct report_session *session, struct str *out);
/* How the recording ended and whether its chain holds, as a sentence. */
void report_recording(const struct report_session *session, struct str *out);

#endif
