/* sessions - the parts of `seedops sessions`: choosing, printing, merging. */
#ifndef SEEDOPS_CMD_SESSIONS_H
#define SEEDOPS_CMD_SESSIONS_H

#include "cmd/command.h"
#include "cmd/safepoints.h"
#include "cmd/state_dirs.h"
#include "journal/read.h"
#include "journal/sessions.h"

struct sessions_filter {
    const struct options *options;
    int64_t since_ms, until_ms;      /* 0: not asked for */
};
bool sessions_wanted(const struct session_entry *entry, const struct sessions_filter *filter);
/* The same of what an action saved; an outcome is none of its. */
bool sessions_wanted_safepoint(const struct safepoint_info *info, const struct sessions_filter *filter);

/* "2026-11-21", "2026-11-21T08:30[:15][Z]" (UTC; a blank for the T), or "90m" "2h" "3d" before now. */
bool sessions_time(const char *option, const char *text, int64_t now_ms, int64_t *wall_ms, struct err *err);

struct session_check {
    const struct session_entry *entry;
    bool ok;
    struct journal_summary summary;
    struct err err;                  /* with the file and line of the first bad one */
};

void sessions_text(const struct sessions *sessions, const struct safepoints *saved, const struct sessions_filter *filter);
void sessions_json(const struct sessions *sessions, const struct safepoints *saved, const struct sessions_filter *filter);
void sessions_verified_text(const struct session_check *checks, size_t count);
void sessions_verified_json(const struct session_check *checks, size_t count);
/* One timeline of the sessions that the operands name, by the wall clock. */
bool sessions_merge(const struct options *options, struct err *err);

#endif
