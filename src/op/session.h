/* session - an environment, opened: its connections, catalogue, ledger and fixtures.
 *
 * The reading connection may go through a pooler; `session_direct` opens the direct one when first wanted
 * (migrations, locks, writes). Belongs to one thread. */
#ifndef SEEDOPS_OP_SESSION_H
#define SEEDOPS_OP_SESSION_H

#include "db/catalog.h"
#include "db/conn.h"
#include "db/identity.h"
#include "fixture/fixture.h"
#include "ledger/ledger.h"
#include "op/ahead.h"
#include "op/common.h"
#include "op/ctx.h"
#include "op/known.h"
#include "op/mark.h"

struct session {
    struct ctx *ctx;                 /* of the operation that runs now; borrowed */
    struct db *db;                   /* reading */
    struct db *direct;               /* NULL until session_direct; may be the same as db */
    struct db_identity identity, direct_identity;
    struct db_peer peer, direct_peer;
    struct mark mark, direct_mark;
    struct known known, direct_known;/* how the identities stand to those that were pinned */
    struct pinning *pinning;         /* known.c's own: a pin that is on its way to the disk; NULL: none */
    char known_said[512];            /* the newest sentence about that, which is said once */
    struct journal_place recorded_at;/* where the record stood before the write that leaves a trail; hash "" unknown */
    bool trailed;                    /* a row in seedops.actions is this session's */
    bool met;                        /* identity, peer, mark and known are there */
    bool listed;                     /* and of the catalogue the tables alone */
    bool looked;                     /* and ledger_state and catalog, */
    bool looked_early;               /* with no more of the fixtures known than which tables they are for */
    struct ledger_state ledger_state;/* as of the last look; count 0 without a ledger */
    struct err ledger_problem;       /* class != ERR_NONE: the ledger could not be read, and why */
    struct ledger *ledger;           /* NULL when there is no migrations directory */
    struct err ledger_error;         /* why not, when the directory is another tool's */
    struct ahead *ahead;             /* the fixtures, while they are being read; NULL: not begun, or taken */
    struct fixture_set fixtures;     /* loaded by session_fixtures; borrowed from ctx->common where there is one */
    bool fixtures_loaded;
    struct common_set *common_set;   /* whose they are, of those that several sessions have; common.h */
    struct err_list fixture_problems;
    struct fixture_options fixture_options;
    struct db_catalog catalog;
};

/* Begins to read the fixtures of ctx's environment for the next session_open; without it that begins itself. Whoever
 * opens no session after it stops ctx->ahead. */
void session_read_ahead(struct ctx *ctx);
/* Connects (password from the URL, password_command if trusted or allowed, .pgpass, a question), in one go:
 * no waiting for readiness (op_wait does that, and its connection is taken). Emits IN_CONNECTION phases. */
bool session_open(struct session *s, struct ctx *ctx, struct err *err);
/* IN_CONNECTION of a session that is being opened: a phase is over, and how long it took. From "connecting", with which
 * it begins, to "ready" or "failed", which have the time of all; others of these take no ms. */
void session_phase(struct ctx *ctx, const char *phase, const char *text, int64_t ms);
void session_close(struct session *s);
/* One try to connect to `url`, with its password, password_command's, or one asked for. *password is NULL at first
 * and then holds what was used, for another try; the caller frees it. timeout_ms 0: the default. */
bool session_login(struct ctx *ctx, const struct url *url, struct secret **password, int timeout_ms, struct db **db,
                   struct err *err);
/* The same with a password that is forgotten again. */
bool session_connect(struct ctx *ctx, const struct url *url, struct db **db, struct err *err);
/* The direct connection, verified not to be a transaction pooler (refused with the reason, B1). */
bool session_direct(struct session *s, struct db **direct, struct err *err);
/* One more connection to where `direct` goes: to look on while that one is busy, and to tidy up after a cancel (it
 * is not cancelled itself). Asks nothing. The caller closes it. */
bool session_onlooker(struct session *s, struct db **db, struct err *err);
/* One more that is cancelled as the first is, to read beside it. Asks nothing. The caller closes it. */
bool session_second(struct session *s, struct db **db, struct err *err);
/* A connection to another database of the same server, as the reading one is made, with the same credentials and within
 * three seconds. Asks nothing. *password as session_login has it, so that a command gives it once for all of them. The
 * caller closes the connection and frees the password. */
bool session_neighbour(struct session *s, const char *database, struct secret **password, struct db **db,
                       struct err *err);
/* Opens the direct connection again after it was lost (and with it the reading one, where they are the same). */
bool session_reopen_direct(struct session *s, struct db **direct, struct err *err);
/* Loads the environment's fixtures once; false when there are problems, which stay in fixture_problems. */
bool session_fixtures(struct session *s);
/* Forgets what was read from disk and of the catalogue: fixtures, migrations. For a session that outlives an
 * operation, between two of them; the next one reads anew. */
void session_reread(struct session *s);
/* One round trip: who is at the other end, and the ledger as it stands, where there is one, into *ledger (which is
 * freed first). For what needs no catalogue: that is the larger part of a look. The last look stays as it is. */
bool session_meet(struct session *s, struct ledger_state *ledger, struct err *err);
/* One round trip: who is at the other end, the ledger, the catalogue (with details of every fixture's and every
 * configured table). Again when `refresh`; otherwise only if it was not done yet. */
bool session_look(struct session *s, bool refresh, struct err *err);
/* One round trip: who is at the other end, and which tables there are, with what tells of those wanted whether they are
 * held. For counts; with nothing wanted it asks for the names of all. Enough after a look. */
bool session_list(struct session *s, struct err *err);
/* Forgets what was looked at: the next session_look asks again. */
void session_forget_look(struct session *s);
/* The same with what a peek at the fixtures knows, while they are still being read. A session_look afterwards does what
 * is left to do, and all of it again where the fixtures name more tables. */
bool session_look_early(struct session *s, const struct fixture_set *peeked, struct err *err);
/* Waits for the fixtures. True if the last look has details of every table that they name: an early one stays then. */
bool session_saw_all(struct session *s);
/* The same anew, with the caller's probes in the same pipeline: they keep their answers, for db_probes_free. Small
 * tables whose counters do not add up are counted by TID, too, as this role sees them: in two more round trips. */
bool session_look_deeper(struct session *s, struct db_probe *more, size_t count, struct err *err);
/* The names that a look wants details of; 0: of every table. The array lives in `arena`. */
size_t session_tables_wanted(struct session *s, struct arena *arena, const char ***names);
/* True if the configuration file may run its commands: it is the user's own, or was allowed once, or is now (asked, all
 * of them shown). `otherwise` ends the hint of a refusal: "answer yes, or ...". */
bool session_allow_command(struct ctx *ctx, const char *otherwise, struct err *err);
/* Its first line as a password, if it may run. */
bool session_run_password(struct ctx *ctx, const char *command, const char *otherwise, struct secret **password,
                          struct err *err);
/* What the guard needs to know of this session. Texts borrow from the session. */
void session_guard_facts(const struct session *s, struct guard_facts *facts);
/* How a command line names the environment: its name, --url "$URL", or "" where it need not. */
const char *session_command_target(const struct session *s);
/* The guard's word on an action now; on refusal fills err (ERR_REFUSED: reasons in why, allowing line in hint). */
bool session_guard(struct session *s, enum guard_class class, struct guard_answer *answer, struct err *err);
/* The same for a plan or a screen: what it would say goes on record, and allows nothing, so nobody waits for the disk.
 * Where nobody could be asked *answer stays as it is. */
void session_guard_shown(struct session *s, enum guard_class class, struct guard_answer *answer);
void session_server_fact(const struct session *s, struct fact_server *fact);
const struct fixture_options *session_fixture_options(const struct session *s);

#endif
