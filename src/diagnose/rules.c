/* rules - the decision table, top to bottom, and the tests it is made of. */
#include "diagnose/rules.h"

#include <string.h>

enum {
    BIRTH_SLACK_MS = 10 * 1000,      /* initdb writes the identifier and begins the statistics within seconds */
    CLOCK_SLACK_MS = 60 * 1000,      /* between a migration tool's clock and the server's */
    FIRST_DAY_MS = 24 * 3600 * 1000, /* a cluster much older than its schema was not made anew to be migrated */
    FIRST_OWN_OID = 16384,           /* lower ones are initdb's */
    LAG_BYTES = 16 << 20
};

/* ---- what the tests ask ---- */

bool table_lacks_rows(const struct table_evidence *t)
{
    if (!t->present)
        return true;
    return t->rows >= 0 && (t->floor >= 0 ? t->rows < t->floor : t->rows == 0);
}

bool table_has_traces(const struct table_evidence *t)
{
    return t->inserted > 0 || t->updated > 0 || t->deleted > 0 || t->dead > 0 || t->heap > 0 || t->index_excess > 0 ||
           t->free_space > 0 || t->analysed_columns > 0 || t->reltuples > 0;
}

bool table_has_new_file(const struct table_evidence *t)
{
    return t->kind != 'p' && t->filenode > 0 && t->filenode != t->oid;
}

bool table_was_emptied_whole(const struct table_evidence *t)
{
    return table_has_new_file(t) && t->heap == 0 && t->index_excess == 0;
}

static bool fresh(const struct table_evidence *t) { return t->reltuples_told && t->reltuples < 0; }

/* relfrozenxid is no younger than the file until a VACUUM moves it (and older while another transaction is open);
 * pg_class.xmin is no older than it, and younger after an ALTER or GRANT. */
bool table_newer_than_ledger(const struct evidence *e, const struct table_evidence *t)
{
    if (!e->ledger || e->ledger_age < 0 || t->file_age < 0)
        return false;
    bool file = t->file_age < e->ledger_age, row = t->row_age >= 0 && t->row_age < e->ledger_age;
    return fresh(t) ? file : file && row;
}

static bool perhaps_newer(const struct evidence *e, const struct table_evidence *t)
{
    return !e->ledger || e->ledger_age < 0 || (t->row_age >= 0 && t->row_age < e->ledger_age);
}

/* By pg_class.xmin. Files share their relfrozenxid also when they were made one after the other beside an older
 * transaction, so that counts only of files that TRUNCATE or CREATE made: what VACUUM FULL writes has an estimate. */
bool tables_share_transaction(const struct evidence *e)
{
    const struct table_evidence *first = NULL;
    bool rows = true, files = true;
    int n = 0;
    for (size_t i = 0; i < e->count; i++) {
        const struct table_evidence *t = &e->tables[i];
        if (!t->context || !t->present || !table_was_emptied_whole(t) || !t->row_xid)
            continue;
        first = first ? first : t;
        rows = rows && strcmp(t->row_xid, first->row_xid) == 0;
        files = files && fresh(t) && strcmp(t->file_xid, first->file_xid) == 0;
        n++;
    }
    return n > 1 && (rows || files);
}

int64_t counters_since(const struct evidence *e)
{
    if (!e->statistics)
        return 0;
    return e->database_reset_ms > e->cluster_reset_ms ? e->database_reset_ms : e->cluster_reset_ms;
}

bool cluster_crashed(const struct evidence *e)
{
    return e->statistics && e->born_ms && e->cluster_reset_ms > e->born_ms + BIRTH_SLACK_MS;
}

/* The statistics of an undisturbed cluster began with it; a crash begins them again after the server's start. */
static bool undisturbed(const struct evidence *e)
{
    return e->statistics && e->born_ms && !e->database_reset_ms && !cluster_crashed(e) &&
           e->cluster_reset_ms < e->started_ms;
}

static bool ledger_copied(const struct evidence *e)
{
    return e->ledger && e->ledger_rows > 1 && e->ledger_xids == 1 && e->ledger_moments > 1;
}

static bool ledger_predates_cluster(const struct evidence *e)
{
    return e->ledger && e->ledger_first_ms && e->born_ms && e->ledger_first_ms < e->born_ms - CLOCK_SLACK_MS;
}

/* A database made from a template has tables that are older than itself, without their counters. */
bool counters_cover(const struct evidence *e, const struct table_evidence *t)
{
    if (e->standby || !e->statistics || !t->counters || !e->database_oid || t->oid < e->database_oid)
        return false;
    if (undisturbed(e))
        return true;
    return e->ledger && e->ledger_first_ms && !ledger_copied(e) && !ledger_predates_cluster(e) &&
           counters_since(e) <= e->ledger_first_ms;
}

int64_t rows_expected(const struct evidence *e)
{
    int64_t rows = 0;
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && table_lacks_rows(&e->tables[i]))
            rows += e->tables[i].floor > 0 ? e->tables[i].floor : 1;
    return rows > 0 ? rows : 1;
}

static bool empty(const struct table_evidence *t) { return t->present && t->rows == 0; }
static bool gone(const struct table_evidence *t) { return t->present && table_lacks_rows(t); }
static bool untouched(const struct table_evidence *t) { return empty(t) && !table_has_traces(t); }
static bool uncounted(const struct table_evidence *t) { return t->inserted <= 0 && t->deleted <= 0; }
static bool emptied(const struct table_evidence *t) { return gone(t) && table_was_emptied_whole(t); }
static bool pages(const struct table_evidence *t) { return t->heap > 0 || t->index_excess > 0 || t->free_space > 0; }

/* ---- tests: what was seen before ---- */

static bool seen(const struct evidence *e, const struct table_evidence *t)
{
    return e->seen.healthy_ms && t->seen && t->seen->rows > 0 && gone(t);
}
static bool other_cluster(const struct evidence *e)
{
    return e->seen.system_identifier && e->system_identifier && e->seen.system_identifier != e->system_identifier;
}
static bool same_cluster(const struct evidence *e)
{
    return e->seen.system_identifier && e->seen.system_identifier == e->system_identifier;
}
static bool same_database(const struct evidence *e) { return same_cluster(e) && e->seen.database == e->database_oid; }
static bool same_table(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && same_database(e) && t->oid == t->seen->oid;
}
static bool seen_database_exists(const struct evidence *e)
{
    for (size_t i = 0; i < e->database_count; i++)
        if (e->databases[i].oid == e->seen.database)
            return true;
    return false;
}
/* pg_upgrade changes the identifier and keeps the oids */
static bool new_cluster(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && other_cluster(e) && t->oid != t->seen->oid && e->born_ms > e->seen.healthy_ms && untouched(t);
}
static bool test_seen_new_cluster_dump(const struct evidence *e, const struct table_evidence *t)
{
    return new_cluster(e, t) && (ledger_predates_cluster(e) || ledger_copied(e));
}
static bool test_seen_new_cluster(const struct evidence *e, const struct table_evidence *t)
{
    return new_cluster(e, t);
}
static bool test_seen_other_server(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && other_cluster(e) && e->born_ms && e->born_ms <= e->seen.healthy_ms && untouched(t);
}
static bool test_seen_other_database(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && same_cluster(e) && !same_database(e) && untouched(t) && seen_database_exists(e);
}
static bool test_seen_new_database(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && same_cluster(e) && !same_database(e) && untouched(t);
}
static bool test_seen_new_table(const struct evidence *e, const struct table_evidence *t)
{
    return seen(e, t) && same_database(e) && t->oid != t->seen->oid && untouched(t) && !t->renamed;
}
/* Counters that went on counting, and deleted fewer rows since than were there: the rest went with the file. */
static bool test_seen_new_file(const struct evidence *e, const struct table_evidence *t)
{
    return same_table(e, t) && emptied(t) && fresh(t) && t->filenode != t->seen->filenode && t->deleted >= 0 &&
           t->inserted >= t->seen->inserted && t->deleted - t->seen->deleted < t->seen->rows;
}
static bool test_seen_and_gone(const struct evidence *e, const struct table_evidence *t)
{
    return same_table(e, t) && t->filenode == t->seen->filenode && t->persistence == 'p' && t->kind == 'r' &&
           !t->rls && !e->standby && (pages(t) || t->deleted > 0);
}
static bool test_seen_older_state(const struct evidence *e, const struct table_evidence *t)
{
    return same_table(e, t) && t->filenode == t->seen->filenode && t->persistence == 'p' && t->kind == 'r' &&
           !e->standby && untouched(t);
}

/* ---- tests: is it there, may we look ---- */

static bool test_twin(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->twin && (!t->present || untouched(t));
}
static bool test_missing(const struct evidence *e, const struct table_evidence *t) { (void)e; return !t->present; }
static bool test_rls(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->rls && t->counted && gone(t) && t->live > 0 && t->live > t->rows;
}
static bool test_rls_uncounted(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->rls && !t->counted && (t->live > 0 || t->reltuples > 0) && !(t->deleted > 0 && t->live <= 0);
}
static bool test_rls_or_gone(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->rls && gone(t) && t->live <= 0 && uncounted(t) && t->heap > 0;
}
static bool test_privilege(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->present && !t->can_select && !gone(t);
}
static bool test_uncountable(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->present && t->rows < 0;
}
static bool test_there(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->present && !table_lacks_rows(t);
}
/* Counted, or counters that nothing has blurred. */
static bool test_there_surely(const struct evidence *e, const struct table_evidence *t)
{
    return test_there(e, t) && (t->counted || (t->deleted == 0 && t->dead == 0 && t->live == t->inserted));
}

/* ---- tests: elsewhere ---- */

static bool test_paused(const struct evidence *e, const struct table_evidence *t)
{
    return e->standby && gone(t) && e->replay_paused;
}
static bool test_behind(const struct evidence *e, const struct table_evidence *t)
{
    return e->standby && gone(t) && (!e->streaming || e->replay_lag > LAG_BYTES);
}
static bool test_detached(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->kind == 'p' && gone(t) && t->leaves == 0 && t->renamed;
}
static bool test_no_partitions(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->kind == 'p' && gone(t) && t->leaves == 0 && (t->reltuples > 0 || t->analysed_columns > 0);
}
static bool test_renamed(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->renamed && t->renamed_is_older && untouched(t) && t->kind == 'r';
}
static bool test_copied(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->renamed && untouched(t) && t->kind == 'r';
}

/* ---- tests: not committed ---- */

static bool writing(const struct table_evidence *t)
{
    return gone(t) && t->writer && t->writer_has_xid && t->deleted <= 0 && t->heap > 0 && t->analysed_columns <= 0;
}
static bool test_prepared(const struct evidence *e, const struct table_evidence *t)
{
    return writing(t) && t->prepared && uncounted(t) && counters_cover(e, t);
}
static bool test_prepared_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return writing(t) && t->prepared;
}
static bool test_loading(const struct evidence *e, const struct table_evidence *t)
{
    return writing(t) && uncounted(t) && counters_cover(e, t);
}
static bool test_loading_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return writing(t);
}
static bool test_unlogged(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return t->persistence == 'u' && gone(t) && t->heap == 0 && t->reltuples > 0;
}
static bool test_unlogged_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    return t->persistence == 'u' && gone(t) && t->heap == 0 && t->index_excess <= 0 && uncounted(t) &&
           !counters_cover(e, t);
}

/* ---- tests: a new file ---- */

/* TRUNCATE clears n_dead_tup; VACUUM FULL, CLUSTER and ALTER TABLE leave it. */
static bool took_rows(const struct table_evidence *t) { return t->inserted > t->deleted && t->dead == 0; }
static bool by_hand(const struct evidence *e, const struct table_evidence *t)
{
    return perhaps_newer(e, t);
}
static bool test_truncated_at_once(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && took_rows(t) && fresh(t) && table_newer_than_ledger(e, t) && tables_share_transaction(e);
}
static bool test_truncated(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && took_rows(t) && by_hand(e, t) &&
           (fresh(t) || tables_share_transaction(e) || t->analysed_columns > 0);
}
static bool test_truncated_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && took_rows(t) && by_hand(e, t);
}
static bool test_deleted_rewritten(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && t->deleted > 0 && t->deleted >= t->inserted && (!fresh(t) || counters_cover(e, t));
}
static bool test_deleted_or_truncated(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return emptied(t) && t->deleted > 0 && t->deleted >= t->inserted;
}
static bool test_truncated_counters_lost(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && uncounted(t) && t->analysed_columns > 0 && (fresh(t) || tables_share_transaction(e));
}
static bool test_rewritten_empty(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return emptied(t) && uncounted(t) && t->analysed_columns > 0;
}
static bool test_file_by_hand(const struct evidence *e, const struct table_evidence *t)
{
    return emptied(t) && uncounted(t) && t->analysed_columns <= 0 && table_newer_than_ledger(e, t) &&
           !counters_cover(e, t);
}

/* ---- tests: the same file ---- */

/* After a crash counters and the estimate of a large table begin anew together: only an exact count, or counters that
 * saw the whole life of the table, make it certain. */
static bool test_deleted_counted(const struct evidence *e, const struct table_evidence *t)
{
    return (t->counted || counters_cover(e, t)) && gone(t) && !table_was_emptied_whole(t) && t->inserted > 0 && t->deleted > 0 &&
           t->deleted + t->rows >= t->inserted;
}
static bool test_deleted_some(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return gone(t) && !table_was_emptied_whole(t) && t->deleted > 0;
}
static bool replaced(const struct evidence *e, const struct table_evidence *t)
{
    return table_has_new_file(t) && by_hand(e, t);
}
static bool test_truncated_then_failed(const struct evidence *e, const struct table_evidence *t)
{
    return empty(t) && t->inserted > t->dead && t->deleted == 0 && replaced(e, t) && pages(t);
}
static bool test_truncated_then_failed_surely(const struct evidence *e, const struct table_evidence *t)
{
    return test_truncated_then_failed(e, t) && t->analysed_columns > 0 && counters_cover(e, t);
}
static bool test_analysed_replaced(const struct evidence *e, const struct table_evidence *t)
{
    return empty(t) && replaced(e, t) && t->analysed_columns > 0 && pages(t);
}
static bool test_analysed(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return empty(t) && !table_was_emptied_whole(t) && t->kind != 'p' &&
           (t->analysed_columns > 0 || (t->reltuples > 0 && t->heap > 0));
}
static bool test_rolled_back(const struct evidence *e, const struct table_evidence *t)
{
    return empty(t) && t->inserted > 0 && t->deleted == 0 && t->dead >= t->inserted && t->analysed_columns == 0 &&
           counters_cover(e, t);
}
static bool test_rolled_back_vacuumed(const struct evidence *e, const struct table_evidence *t)
{
    return empty(t) && t->inserted > 0 && t->deleted == 0 && pages(t) && !replaced(e, t) && counters_cover(e, t);
}
static bool test_rolled_back_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return empty(t) && t->inserted > 0 && t->deleted == 0;
}
static bool test_written_anew(const struct evidence *e, const struct table_evidence *t)
{
    return empty(t) && uncounted(t) && pages(t) && replaced(e, t);
}
static bool test_written_once(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return empty(t) && uncounted(t) && pages(t);
}

/* ---- tests: nothing was ever in it ---- */

static bool test_dump(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && ledger_copied(e);
}
static bool test_older_ledger(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && ledger_predates_cluster(e);
}
/* As many constraints and indexes were dropped as the tables have now: they were made twice. */
static bool made_twice(const struct evidence *e)
{
    int64_t constraints = 0, indexes = 0;
    for (size_t i = 0; i < e->count; i++)
        if (e->tables[i].context && e->tables[i].present) {
            constraints += e->tables[i].constraints;
            indexes += e->tables[i].indexes;
        }
    return constraints + indexes > 0 && e->dropped_constraints >= constraints && e->dropped_indexes >= indexes;
}
static bool public_made_anew(const struct evidence *e, const struct table_evidence *t)
{
    return t->schema == e->public_oid && e->public_oid >= FIRST_OWN_OID;
}
static bool test_recreated(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && e->residual >= rows_expected(e) && made_twice(e);
}
/* A schema that was dropped before anything was in it is no loss: the counters would know. */
static bool test_recreated_schema(const struct evidence *e, const struct table_evidence *t)
{
    bool nothing_lost = undisturbed(e) && e->residual >= 0 && e->residual < rows_expected(e);
    return untouched(t) && public_made_anew(e, t) && !nothing_lost;
}
static bool test_recreated_perhaps(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && e->residual >= rows_expected(e);
}
static bool never_had(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && counters_cover(e, t) && undisturbed(e) && e->dropped_databases == 0;
}
static bool test_never_old_cluster(const struct evidence *e, const struct table_evidence *t)
{
    return never_had(e, t) && e->ledger && e->ledger_first_ms > e->born_ms + FIRST_DAY_MS;
}
static bool test_never_young_cluster(const struct evidence *e, const struct table_evidence *t)
{
    return never_had(e, t);
}
/* A migration may have rewritten the file and a GRANT touched its row since, or someone emptied it. */
static bool test_file_undated(const struct evidence *e, const struct table_evidence *t)
{
    return untouched(t) && table_has_new_file(t) && perhaps_newer(e, t) && !counters_cover(e, t);
}
static bool test_never(const struct evidence *e, const struct table_evidence *t) { (void)e; return untouched(t); }
static bool test_never_whole(const struct evidence *e, const struct table_evidence *t)
{
    (void)e;
    return gone(t) && t->rows > 0 && t->deleted <= 0;
}
static bool test_other_database(const struct evidence *e, const struct table_evidence *t)
{
    if (!untouched(t))
        return false;
    for (size_t i = 0; i < e->database_count; i++)
        if (e->databases[i].inserted > 10 * (e->inserted_here > 0 ? e->inserted_here : 1))
            return true;
    return false;
}
static bool test_any(const struct evidence *e, const struct table_evidence *t) { (void)e; (void)t; return true; }

/* ---- the table ---- */

#define OR(verdict) (1u << VERDICT_##verdict)
#define RULE(name, verdict, confidence, cannot, test, sentence) \
    {name, VERDICT_##verdict, CONFIDENCE_##confidence, cannot, test, sentence}

const struct diagnose_rule diagnose_rules[] = {
    /* can it be seen at all */
    RULE("twin", WRONG_SCHEMA, HIGH, 0, test_twin,
         "A table of this name in another schema has rows, and this one was never written."),
    RULE("missing", SCHEMA_MISSING, CERTAIN, 0, test_missing, "There is no such table."),
    RULE("row-security", HIDDEN_BY_RLS, CERTAIN, 0, test_rls,
         "The counters know of live rows, row security is active for this role, and it sees fewer of them."),
    RULE("row-security-uncounted", HIDDEN_BY_RLS, MEDIUM, OR(HEALTHY), test_rls_uncounted,
         "Rows are there and row security is active for this role; the table is too large to count what it sees."),
    RULE("row-security-or-gone", HIDDEN_BY_RLS, MEDIUM, OR(DELETED) | OR(ROLLED_BACK), test_rls_or_gone,
         "Row security is active for this role and the counters are lost: hidden rows and deleted ones look the same."),
    RULE("privilege", NO_PRIVILEGE, CERTAIN, 0, test_privilege, "This role may not read the table: a count is refused."),
    RULE("uncountable", HEALTHY, LOW, 0, test_uncountable,
         "The counters are lost and the table is too large to be counted without reading it."),
    RULE("there-counted", HEALTHY, CERTAIN, 0, test_there_surely, "The rows are there, all that should be."),
    RULE("there", HEALTHY, HIGH, 0, test_there, "By the counters and the planner's estimate the rows are there."),

    /* what an earlier, healthy visit saw */
    RULE("seen-new-cluster-restored", RESTORED_EMPTY, CERTAIN, 0, test_seen_new_cluster_dump,
         "The cluster is younger than the last healthy visit and its ledger was copied in: a dump without these rows."),
    RULE("seen-new-cluster", REINITIALISED, CERTAIN, 0, test_seen_new_cluster,
         "The cluster was made after the last healthy visit: another volume, migrated anew."),
    RULE("seen-other-server", WRONG_DATABASE, HIGH, 0, test_seen_other_server,
         "Another cluster answers here than at the last healthy visit, and it is older than that visit."),
    RULE("seen-other-database", WRONG_DATABASE, CERTAIN, 0, test_seen_other_database,
         "The database of the last healthy visit is still on this server, and this is another one."),
    RULE("seen-new-database", RECREATED, CERTAIN, 0, test_seen_new_database,
         "The database was dropped and made again since the last healthy visit: same cluster, another database oid."),
    RULE("seen-new-table", RECREATED, CERTAIN, 0, test_seen_new_table,
         "The table was dropped and made again since the last healthy visit: same database, another table oid."),
    RULE("seen-new-file", TRUNCATED, CERTAIN, 0, test_seen_new_file,
         "The table has a new, empty file since the last healthy visit, and its rows were not deleted one by one."),
    RULE("seen-and-gone", DELETED, CERTAIN, 0, test_seen_and_gone,
         "The last healthy visit saw rows in this very file; only DELETE empties a file that stays."),
    RULE("seen-older-state", RESTORED_EMPTY, HIGH, 0, test_seen_older_state,
         "The last healthy visit saw rows in this table, which now was never written: the files are an older copy."),

    /* the rows are elsewhere */
    RULE("replay-paused", STALE_REPLICA, HIGH, 0, test_paused,
         "This is a standby and its replay is paused: what came later is not here."),
    RULE("replay-behind", STALE_REPLICA, MEDIUM, 0, test_behind,
         "This is a standby that receives nothing, or is far behind what it received."),
    RULE("detached", DETACHED, HIGH, 0, test_detached,
         "The partitioned table has no partition left, and a table of the same columns beside it has rows."),
    RULE("no-partitions", DETACHED, MEDIUM, OR(RECREATED), test_no_partitions,
         "The partitioned table has no partition left, but its statistics remember rows: detached, or dropped."),
    RULE("renamed", RENAMED, HIGH, 0, test_renamed,
         "An older table with the same columns and another name has rows; this one was never written."),
    RULE("copied", RENAMED, MEDIUM, OR(NEVER_SEEDED), test_copied,
         "A younger table with the same columns and another name has rows; this one was never written."),

    /* not committed, not crash-safe */
    RULE("prepared", PREPARED, HIGH, 0, test_prepared,
         "A prepared transaction holds a lock to write here; the pages it filled belong to no committed row."),
    RULE("prepared-perhaps", PREPARED, MEDIUM, 0, test_prepared_perhaps,
         "A prepared transaction holds a lock to write here, and there are pages without a visible row."),
    RULE("loading", LOADING, HIGH, 0, test_loading,
         "A transaction that has written holds a lock here, and its pages belong to no committed row yet."),
    RULE("loading-perhaps", LOADING, MEDIUM, OR(ROLLED_BACK), test_loading_perhaps,
         "A transaction that has written holds a lock here, and there are pages without a visible row."),
    RULE("unlogged", UNLOGGED, HIGH, 0, test_unlogged,
         "The table is unlogged, its file is empty, and the planner's estimate still knows of rows."),
    RULE("unlogged-perhaps", UNLOGGED, MEDIUM, OR(NEVER_SEEDED), test_unlogged_perhaps,
         "The table is unlogged and empty, and the counters began anew: after a crash, or it never was written."),

    /* a new, empty file: TRUNCATE, unless something else wrote it */
    RULE("truncated-at-once", TRUNCATED, CERTAIN, 0, test_truncated_at_once,
         "Several tables got a new, empty file in one transaction after the last migration, with rows not deleted."),
    RULE("truncated", TRUNCATED, HIGH, 0, test_truncated,
         "The table has a new, empty file; more rows were inserted than deleted, and none is dead."),
    RULE("truncated-perhaps", TRUNCATED, MEDIUM, OR(ROLLED_BACK), test_truncated_perhaps,
         "The table has a new, empty file and was vacuumed since: truncated, or rolled back and rewritten."),
    RULE("deleted-rewritten", DELETED, HIGH, 0, test_deleted_rewritten,
         "All rows that were inserted were deleted; afterwards the table was rewritten (VACUUM FULL, TRUNCATE)."),
    RULE("deleted-or-truncated", DELETED, MEDIUM, OR(TRUNCATED), test_deleted_or_truncated,
         "Rows were deleted and the table was then truncated; counters younger than the table hide which took more."),
    RULE("truncated-counters-lost", TRUNCATED, HIGH, 0, test_truncated_counters_lost,
         "The table has a new, empty file, and analysed values show that it had rows; the counters began anew since."),
    RULE("rewritten-empty", DELETED, MEDIUM, OR(TRUNCATED), test_rewritten_empty,
         "The table had rows, was emptied and rewritten; without its counters DELETE and TRUNCATE look the same."),
    RULE("file-by-hand", TRUNCATED, MEDIUM, OR(NEVER_SEEDED) | OR(DELETED), test_file_by_hand,
         "The table got a new, empty file after the last migration; counters that began anew hide if it had rows."),

    /* the file it always had */
    RULE("deleted-counted", DELETED, CERTAIN, 0, test_deleted_counted,
         "The counters saw as many rows deleted as inserted."),
    RULE("deleted-some", DELETED, HIGH, 0, test_deleted_some, "The counters saw rows deleted, and the file is the same."),
    RULE("truncated-then-failed", TRUNCATED, HIGH, 0, test_truncated_then_failed_surely,
         "Analysed rows were lost with the table's former file, none was deleted; what was inserted later failed."),
    RULE("analysed-replaced", DELETED, MEDIUM, OR(TRUNCATED), test_analysed_replaced,
         "The table had rows, got a new file, and was written to again without success."),
    RULE("analysed", DELETED, HIGH, 0, test_analysed,
         "Statistics of its values show committed rows; the file is the same and the counters began anew since."),
    RULE("rolled-back", ROLLED_BACK, CERTAIN, 0, test_rolled_back,
         "Every row ever inserted is dead, none was deleted, none was ever analysed."),
    RULE("rolled-back-vacuumed", ROLLED_BACK, HIGH, 0, test_rolled_back_vacuumed,
         "Rows were inserted, none was deleted, the file is the same, and no row is there."),
    RULE("truncated-then-failed-perhaps", TRUNCATED, MEDIUM, OR(ROLLED_BACK), test_truncated_then_failed,
         "Rows were lost with the table's former file; what was inserted later was rolled back."),
    RULE("rolled-back-perhaps", ROLLED_BACK, MEDIUM, OR(DELETED), test_rolled_back_perhaps,
         "Rows were inserted and none was deleted since the counters began anew; before that nobody counted."),
    RULE("written-anew", ROLLED_BACK, MEDIUM, OR(DELETED) | OR(TRUNCATED), test_written_anew,
         "Pages were filled in a file that is not the first, and the counters began anew: rolled back, or emptied before."),
    RULE("written-once", ROLLED_BACK, MEDIUM, OR(DELETED), test_written_once,
         "Pages were filled, and the counters began anew: a load that was rolled back, or rows deleted before that."),

    /* nothing was ever in it */
    RULE("dump", RESTORED_EMPTY, HIGH, 0, test_dump,
         "All rows of the ledger were written by one transaction but tell of several times: they came from a dump."),
    RULE("older-ledger", RESTORED_EMPTY, HIGH, 0, test_older_ledger,
         "The ledger tells of migrations from before this cluster was made: it came from a dump."),
    RULE("recreated", RECREATED, HIGH, 0, test_recreated,
         "As many rows as are missing went into tables that are no more, and the tables' like were dropped."),
    RULE("recreated-schema", RECREATED, MEDIUM, OR(NEVER_SEEDED), test_recreated_schema,
         "Schema public was dropped and made again, and its tables were never written since."),
    RULE("recreated-perhaps", RECREATED, MEDIUM, OR(NEVER_SEEDED), test_recreated_perhaps,
         "As many rows as are missing went into tables that are no more; which ones, nobody noted."),
    RULE("never-old-cluster", NEVER_SEEDED, HIGH, 0, test_never_old_cluster,
         "Nothing was ever written, no database or table was dropped, and the cluster is far older than the schema."),
    RULE("never-young-cluster", NEVER_SEEDED, MEDIUM, OR(REINITIALISED), test_never_young_cluster,
         "Nothing was ever written in this cluster: a first deployment, or a new volume that was migrated."),
    RULE("file-undated", NEVER_SEEDED, MEDIUM, OR(TRUNCATED) | OR(DELETED) | OR(RECREATED) | OR(REINITIALISED),
         test_file_undated,
         "The table is empty in a file that is not its first; counters that began anew hide if it ever had rows."),
    RULE("never", NEVER_SEEDED, MEDIUM, OR(RECREATED) | OR(REINITIALISED), test_never,
         "Nothing was ever written to this table; a database made anew looks the same from inside."),
    RULE("never-whole", NEVER_SEEDED, MEDIUM, 0, test_never_whole,
         "Some rows are there and none was ever deleted: the rest was never written."),
    RULE("other-database", WRONG_DATABASE, LOW, 0, test_other_database,
         "Another database of this server has had far more rows."),
    RULE("nothing", NEVER_SEEDED, LOW, 0, test_any, "Nothing that was read explains it."),
};
const int diagnose_rule_count = sizeof diagnose_rules / sizeof *diagnose_rules;

const struct diagnose_rule *diagnose_rule_for(const struct evidence *e, const struct table_evidence *t)
{
    const struct diagnose_rule *r = diagnose_rules;
    while (!r->test(e, t))
        r++;
    return r;
}
