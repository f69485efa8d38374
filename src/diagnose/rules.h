/* rules - the decision table: from the evidence to a verdict for one table. Pure.
 *
 * The table is read from the top, and the first rule whose test holds gives the verdict; those below that hold as well
 * are the alternatives. A rule is certain only where nothing else is known to produce its facts (facts: measured on
 * PostgreSQL 15, empty_database). `cannot` names verdicts that the same facts fit just as well. */
#ifndef SEEDOPS_DIAGNOSE_RULES_H
#define SEEDOPS_DIAGNOSE_RULES_H

#include "diagnose/evidence.h"
#include "diagnose/verdict.h"

struct diagnose_rule {
    const char *name;                /* "deleted-counted" */
    enum verdict verdict;
    enum confidence confidence;
    unsigned cannot;                 /* 1 << verdict, each */
    bool (*test)(const struct evidence *e, const struct table_evidence *t);
    const char *sentence;            /* what it concludes, and from what */
};
extern const struct diagnose_rule diagnose_rules[];
extern const int diagnose_rule_count;

/* The first rule that holds: never NULL, the last one always does. */
const struct diagnose_rule *diagnose_rule_for(const struct evidence *e, const struct table_evidence *t);

/* What several rules, and the sentences about them, ask. */
bool table_lacks_rows(const struct table_evidence *t);          /* fewer than its floor, or none */
bool table_has_traces(const struct table_evidence *t);          /* anything that only rows leave behind */
bool table_has_new_file(const struct table_evidence *t);        /* not the file it was created with */
bool table_was_emptied_whole(const struct table_evidence *t);   /* a new file, and nothing in it or its indexes */
bool table_newer_than_ledger(const struct evidence *e, const struct table_evidence *t);
bool tables_share_transaction(const struct evidence *e);        /* two or more new files, one transaction */
bool counters_cover(const struct evidence *e, const struct table_evidence *t);   /* the table's whole life */
int64_t counters_since(const struct evidence *e);               /* 0 unknown */
bool cluster_crashed(const struct evidence *e);                 /* the counters began anew after initdb */
int64_t rows_expected(const struct evidence *e);                /* of the tables that lack them, at least 1 */

#endif
