/* diagnosis - rows, words and times of a diagnosis. */
#include "app/diagnosis.h"

#include <stdio.h>
#include <string.h>

#include "app/human.h"
#include "app/util.h"

enum { DAY_MS = 86400000 };

static bool falls_short(const struct fact_table *t)
{
    if (!text_same(t->class, "context"))
        return false;
    int64_t least = t->min_rows > 0 ? t->min_rows : t->fixture_rows > 0 ? 1 : 0;
    return t->held || (least > 0 && t->rows >= 0 && t->rows < least) || text_holds(or_empty(t->note), "not permitted");
}

/* Before the first migration there is nothing that could have lost rows. */
bool diagnosis_wanted(const struct fact_ledger *ledger, const struct fact_table *tables, size_t count)
{
    if (!text_is_empty(ledger->tool) && ledger->applied <= 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (falls_short(&tables[i]))
            return true;
    return false;
}

static size_t part_count(const struct fact_diagnosis *d, enum diagnosis_part part)
{
    switch (part) {
    case PART_NEXT: return d->next_count;
    case PART_TABLE: return d->table_count;
    case PART_EVIDENCE: return d->evidence_count;
    case PART_DENIED: return d->denied_count;
    case PART_ALTERNATIVE: return d->alternative_count;
    default: return 0;
    }
}

/* An operational table that never had rows is nothing to tell. */
static bool worth_a_row(const struct fact_diagnosis *d, enum diagnosis_part part, size_t index)
{
    if (part != PART_TABLE || !text_same(d->tables[index].class, "operational"))
        return true;
    return !text_same(d->tables[index].verdict, "never-seeded") && !text_same(d->tables[index].verdict, "healthy");
}

/* The n-th row, or with n beyond the end how many there are. */
static int64_t find_row(const struct fact_diagnosis *d, int64_t n, struct diagnosis_row *row)
{
    int64_t rows = 0;
    for (int part = 0; part < PART_COUNT; part++)
        for (size_t i = 0; i < part_count(d, (enum diagnosis_part)part); i++) {
            if (!worth_a_row(d, (enum diagnosis_part)part, i))
                continue;
            *row = (struct diagnosis_row){(enum diagnosis_part)part, i};
            if (rows++ == n)
                return rows;
        }
    return rows;
}

int64_t diagnosis_rows(const struct fact_diagnosis *d)
{
    struct diagnosis_row last;
    return find_row(d, -1, &last);
}

bool diagnosis_row(const struct fact_diagnosis *d, int64_t n, struct diagnosis_row *row)
{
    return n >= 0 && find_row(d, n, row) == n + 1;
}

void diagnosis_word(const char *verdict, char out[20])
{
    size_t i = 0;
    for (verdict = or_empty(verdict); verdict[i] && i < 19; i++) {
        char c = verdict[i];
        out[i] = c == '-' ? ' ' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    out[i] = '\0';
}

const char *diagnosis_phrase(const char *verdict)
{
    static const struct { const char *name, *phrase; } phrases[] = {
        {"healthy", "The rows are there"}, {"never-seeded", "Never seeded"},
        {"seed-rolled-back", "A load was rolled back"}, {"deleted", "Deleted by SQL"},
        {"truncated", "Emptied by TRUNCATE"}, {"recreated", "Dropped and made again"},
        {"reinitialised", "The cluster was made anew"}, {"restored-empty", "Restored from a dump without rows"},
        {"wrong-database", "The rows are in another database"}, {"wrong-schema", "The rows are in another schema"},
        {"hidden-by-rls", "Row-level security hides the rows"}, {"no-privilege", "This role may not read the rows"},
        {"stale-replica", "The rows have not reached this standby"},
        {"detached-partitions", "The rows are in detached partitions"},
        {"renamed-away", "The rows are in a renamed table"}, {"unlogged-crash", "An unlogged table, emptied by a crash"},
        {"load-in-progress", "A load has not committed yet"},
        {"prepared-transaction", "A prepared transaction holds the rows"}, {"schema-missing", "Tables are missing"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (text_same(phrases[i].name, verdict))
            return phrases[i].phrase;
    return or_empty(verdict);
}

/* "12:08:44", and with its day where that is not today's. */
static bool moment(char out[HUMAN], const char *iso, int64_t wall_ms)
{
    int64_t at = human_parse_utc(iso);
    if (at < 0)
        return false;
    if (wall_ms && at / DAY_MS == wall_ms / DAY_MS)
        snprintf(out, HUMAN, "%.8s", iso + 11);
    else
        snprintf(out, HUMAN, "%.10s %.8s", iso, iso + 11);
    return true;
}

void diagnosis_time(const struct fact_diagnosis *d, int64_t wall_ms, char *out, size_t size)
{
    char since[HUMAN], until[HUMAN];
    bool from = moment(since, d->since, wall_ms), to = moment(until, d->until, wall_ms);
    if (from && to && text_same(d->since, d->until))
        snprintf(out, size, "at %s UTC", since);
    else if (from && to)
        snprintf(out, size, "between %s and %s UTC", since, until);
    else if (!from && text_same(d->until_why, "this visit"))
        out[0] = '\0';                     /* that it is so now says nothing of when */
    else if (from || to)
        snprintf(out, size, "%s %s UTC", from ? "after" : "before", from ? since : until);
    else
        out[0] = '\0';
}

const char *diagnosis_mark(const struct fact_evidence *evidence)
{
    return text_is_empty(evidence->problem) ? "\xe2\x9c\x93" : "\xe2\x80\x93";   /* ✓ – */
}
