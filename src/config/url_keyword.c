/* url_keyword - which parameters are libpq's, which are another client's, and what becomes of each.
 *
 * libpq refuses a parameter it does not know, so URLs written for Prisma, Rails or a JDBC driver fail in it.
 * Here theirs are set aside with a note (case B2); only what nobody knows is an error. */
#include "config/url_part.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* PostgreSQL 15 to 18, "Parameter Key Words". An older libpq names one it is too old for by itself. */
static const char *const keywords[] = {
    "host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "servicefile",
    "application_name", "fallback_application_name", "channel_binding", "client_encoding", "connect_timeout",
    "gssdelegation", "gssencmode", "gsslib", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version",
    "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "options", "replication",
    "require_auth", "requirepeer", "scram_client_key", "scram_server_key", "ssl_max_protocol_version",
    "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression", "sslcrl", "sslcrldir", "sslkey",
    "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
    "target_session_attrs", "tcp_user_timeout", NULL};

static const char *const secrets[] = {
    "password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"};

/* Parameters of other clients, set aside. Whose they are goes into the note. */
static const struct { const char *name, *owner; } foreign[] = {
    {"connection_limit", "Prisma"}, {"pool_timeout", "Prisma"}, {"socket_timeout", "Prisma"},
    {"statement_cache_size", "Prisma"}, {"sslaccept", "Prisma"}, {"sslidentity", "Prisma"},
    {"max_connection_lifetime", "Prisma"}, {"max_idle_connection_lifetime", "Prisma"},
    {"single_use_connections", "Prisma"}, {"pgbouncer", "Prisma"}, {"schema", "Prisma"},
    {"multiSubnetFailover", "Prisma"}, {"api_key", "Prisma"}, {"lock_timeout", "Prisma"},
    {"supa", "Supabase"}, {"workaround", "Vercel"}, {"endpoint", "Neon"},
    {"pool", "Rails"}, {"prepared_statements", "Rails"}, {"advisory_locks", "Rails"}, {"encoding", "Rails"},
    {"checkout_timeout", "Rails"}, {"idle_timeout", "Rails"}, {"reaping_frequency", "Rails"},
    {"schema_search_path", "Rails"}, {"statement_limit", "Rails"}, {"timeout", "Rails"}, {"adapter", "Rails"},
    {"uselibpqcompat", "node-postgres"}, {"query_timeout", "node-postgres"},
    {"statement_timeout", "node-postgres"}, {"idle_in_transaction_session_timeout", "node-postgres"},
    {"max", "postgres.js"}, {"prepare", "postgres.js"}, {"search_path", "postgres.js"},
    {"currentSchema", "JDBC"}, {"prepareThreshold", "JDBC"}, {"socketTimeout", "JDBC"},
    {"loginTimeout", "JDBC"}, {"tcpKeepAlive", "JDBC"}, {"ApplicationName", "JDBC"},
    {"targetServerType", "JDBC"}, {"stringtype", "JDBC"}, {"reWriteBatchedInserts", "JDBC"},
    {"pool_max_conns", "pgx"}, {"pool_min_conns", "pgx"}, {"pool_max_conn_lifetime", "pgx"},
    {"pool_max_conn_idle_time", "pgx"}, {"pool_health_check_period", "pgx"},
    {"pool_max_conn_lifetime_jitter", "pgx"}, {"default_query_exec_mode", "pgx"},
    {"statement_cache_capacity", "pgx"}, {"description_cache_capacity", "pgx"},
    {"binary_parameters", "lib/pq"},
    {"prepared_statement_cache_size", "asyncpg"}, {"prepared_statement_name_func", "asyncpg"},
    {"async_fallback", "SQLAlchemy"}, {"conn_max_age", "Django"}, {"conn_health_checks", "Django"},
    {"statement-cache-capacity", "SQLx"}, {"x-migrations-table", "golang-migrate"},
    {"x-multi-statement", "golang-migrate"}, {"x-statement-timeout", "golang-migrate"},
    {"serverVersion", "Doctrine"}, {"charset", "Doctrine"}};

const char *const *url_keywords(void) { return keywords; }

bool url_keyword_secret(const char *name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcmp(secrets[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_keyword(const char *name)
{
    for (const char *const *k = keywords; *k; k++) {
        if (strcmp(*k, name) == 0)
            return true;
    }
    return false;
}

static const char *owner_of(const char *name)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (strcmp(foreign[i].name, name) == 0)
            return foreign[i].owner;
    }
    return NULL;
}

/* The nearest name of all, and whether it is near enough to be meant. */
static const char *nearest(const char *name, bool *meant)
{
    char lower[64];
    size_t length = 0;
    for (; name[length] && length < sizeof lower - 1; length++)
        lower[length] = (char)(name[length] >= 'A' && name[length] <= 'Z' ? name[length] + 32 : name[length]);
    lower[length] = '\0';
    const char *best = keywords[0];
    int least = text_distance(lower, best);
    for (const char *const *k = keywords; *k; k++) {
        int distance = text_distance(lower, *k);
        if (distance < least) {
            least = distance;
            best = *k;
        }
    }
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        int distance = text_distance(name, foreign[i].name);
        if (distance < least && distance < 3) {
            least = distance;
            best = foreign[i].name;
        }
    }
    *meant = least <= (length < 6 ? 1 : 3);
    return best;
}

void url_note(struct url_builder *b, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct url *u = b->url;
    if (u->note_count == b->note_capacity) {
        b->note_capacity = b->note_capacity ? b->note_capacity * 2 : 4;
        u->notes = arena_grow(b->arena, u->notes, u->note_count, b->note_capacity, sizeof *u->notes);
    }
    u->notes[u->note_count++] = arena_strdup(b->arena, text);
}

const char *url_value(const struct url *url, const char *keyword)
{
    for (size_t i = 0; i < url->count; i++) {
        if (strcmp(url->keywords[i], keyword) == 0)
            return url->values[i];
    }
    return "";
}

static void store(struct url_builder *b, const char *keyword, const char *value)
{
    struct url *u = b->url;
    for (size_t i = 0; i < u->count; i++) {
        if (strcmp(u->keywords[i], keyword) == 0) {       /* the last one counts, as in libpq */
            u->values[i] = arena_strdup(b->arena, value);
            return;
        }
    }
    if (u->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 8;
        u->keywords = arena_grow(b->arena, u->keywords, u->count, b->capacity, sizeof *u->keywords);
        u->values = arena_grow(b->arena, u->values, u->count, b->capacity, sizeof *u->values);
    }
    u->keywords[u->count] = arena_strdup(b->arena, keyword);
    u->values[u->count++] = arena_strdup(b->arena, value);
}

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static bool put_unknown(struct url_builder *b, const char *name)
{
    char shown[72];
    /* A long or odd name may be half of a password whose '?' or '&' was not written %3F or %26. */
    if (b->hide_names || strlen(name) > 40 || strspn(name, NAME_CHARACTERS) != strlen(name)) {
        err_set(b->err, ERR_CONFIG, "the URL has a parameter that nobody knows");
        return err_hint(b->err, "A '?' or '&' inside a password is written %%3F or %%26.");
    }
    err_set(b->err, ERR_CONFIG, "the URL has an unknown parameter \"%s\"",
            text_visible_buf(shown, sizeof shown, name));
    err_why(b->err, "neither libpq nor a client that seedops knows of takes it");
    bool meant;
    const char *near = nearest(name, &meant);
    return meant ? err_hint(b->err, "Did you mean \"%s\"?", near)
                 : err_hint(b->err, "Remove it; the nearest that libpq knows is \"%s\".", near);
}

static bool is_true(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || strcmp(value, "require") == 0;
}

/* ssl=true as JDBC, node-postgres and postgres.js write it; libpq itself takes only that one value. */
static void put_ssl(struct url_builder *b, const char *value)
{
    if (is_true(value) || strcmp(value, "no-verify") == 0) {
        store(b, "sslmode", "require");
    } else if (strcmp(value, "verify-full") == 0 || strcmp(value, "verify-ca") == 0) {
        store(b, "sslmode", value);
    } else {
        url_note(b, "ssl= was set aside: libpq's word for TLS is sslmode=.");
        return;
    }
    url_note(b, "ssl= was read as libpq's sslmode=%s.", url_value(b->url, "sslmode"));
}

static void put_foreign(struct url_builder *b, const char *name, const char *value, const char *owner)
{
    char shown[80];
    if (strcmp(name, "schema") == 0) {
        b->url->schema = arena_strdup(b->arena, value);
        url_note(b, "schema=%s belongs to Prisma: it says where the tables are and is not sent.",
                 text_visible_buf(shown, sizeof shown, value));
    } else if (strcmp(name, "pgbouncer") == 0) {
        b->url->pooled_hint = b->url->pooled_hint || is_true(value);
        url_note(b, "pgbouncer= belongs to Prisma: it tells of a transaction pooler and is not sent.");
    } else if (strcmp(name, "sslaccept") == 0) {
        url_note(b, "sslaccept= belongs to Prisma and was set aside: libpq verifies certificates with "
                 "sslmode=verify-full.");
    } else {
        url_note(b, "%s= belongs to %s and was set aside.", name, owner);
    }
}

bool url_put(struct url_builder *b, const char *name, const char *value)
{
    const char *owner = owner_of(name);
    bool known = is_keyword(name);
    if (!known && !owner && strcmp(name, "ssl") != 0)
        return put_unknown(b, name);
    if (!*value)
        return true;
    if (strcmp(name, "ssl") == 0) {
        put_ssl(b, value);
    } else if (owner) {
        put_foreign(b, name, value, owner);
    } else if (strcmp(name, "password") == 0) {
        if (strlen(value) > SECRET_MAX) {
            err_set(b->err, ERR_CONFIG, "the password in the URL is longer than %d bytes", SECRET_MAX);
            return err_hint(b->err, "libpq takes no longer one; check where the URL's parts begin and end.");
        }
        secret_free(b->url->password);
        b->url->password = secret_new(value, strlen(value));
    } else if (strcmp(name, "sslmode") == 0 && strcmp(value, "no-verify") == 0) {
        store(b, name, "require");
        url_note(b, "sslmode=no-verify is node-postgres' word: read as libpq's sslmode=require.");
    } else {
        store(b, name, value);
    }
    return true;
}
