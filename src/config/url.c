/* url - database URLs and connection strings into libpq's keywords.
 *
 * libpq's own rules where a URL is right, and more patience where people's habits are known: raw '@' in a
 * password, other clients' parameters (url_keyword.c), a driver's name in the scheme. Errors name the part
 * and the position and never repeat what could be half of a password. */
#include "config/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "base/text.h"
#include "config/url_part.h"

static const char ENCODING_HINT[] =
    "In a user name or password write '/' as %2F, '?' as %3F, '@' as %40, ':' as %3A, '&' as %26, "
    "'%' as %25.";
static const char EXAMPLE_HINT[] = "Write it as postgresql://user@host:5432/database.";

/* ---- pieces of a URL ---- */

static size_t position(const char *text, const char *at) { return (size_t)(at - text) + 1; }

static void drop(char *secret)
{
    if (secret)
        secret_wipe(secret);
    free(secret);
}

/* Gives the decoded text, to drop(); NULL with the error set. */
static char *decode(struct url_builder *b, const char *text, const char *name, struct span raw)
{
    const char *wrong = NULL;
    char *value = url_decode(raw, &wrong);
    if (!value) {
        err_set(b->err, ERR_CONFIG, "the URL's %s has a wrong percent-encoding at character %zu",
                strcmp(name, "dbname") == 0 ? "database name" : name, position(text, wrong));
        err_why(b->err, "a '%%' must be followed by two hexadecimal digits, and not by 00");
        err_hint(b->err, "A '%%' that stands for itself is written %%25.");
    }
    return value;
}

static bool put_span(struct url_builder *b, const char *text, const char *name, struct span raw)
{
    if (!raw.begin)
        return true;
    char *value = decode(b, text, name, raw);
    bool ok = value && url_put(b, name, value);
    drop(value);
    return ok;
}

static bool bad_port(struct url_builder *b, const char *port, bool show)
{
    char shown[40];
    if (show && strlen(port) < 30)
        err_set(b->err, ERR_CONFIG, "the URL has a bad port \"%s\"",
                text_visible_buf(shown, sizeof shown, port));
    else
        err_set(b->err, ERR_CONFIG, "the URL has a bad port");
    err_why(b->err, "a port is a number from 1 to 65535");
    if (strchr(port, ':'))
        return err_hint(b->err, "An IPv6 address stands in brackets: [::1]:5432.");
    if (!show)
        return err_hint(b->err, "If that is a password, the host is missing: "
                        "postgresql://user:password@host/database.");
    return err_hint(b->err, "PostgreSQL's is usually 5432.");
}

/* `ports` is a list with commas, as libpq keeps it; "" takes the default. */
static bool check_ports(struct url_builder *b, const char *ports, bool show)
{
    while (*ports) {
        size_t length = strcspn(ports, ",");
        bool digits = strspn(ports, "0123456789") >= length;
        long number = digits && length < 9 ? strtol(ports, NULL, 10) : 0;
        if (length && (!digits || number < 1 || number > 65535)) {
            char *port = xstrndup(ports, length);
            bad_port(b, port, show || digits);
            drop(port);
            return false;
        }
        ports += length;
        ports += *ports == ',';
    }
    return true;
}

/* One host, with its port: "h", "h:1", "[::1]:1". */
static bool cut_host(struct url_builder *b, const char *text, struct span one, struct span *host,
                     struct span *port)
{
    *host = one;
    *port = (struct span){one.end, one.end};
    if (one.begin < one.end && *one.begin == '[') {
        const char *close = memchr(one.begin, ']', (size_t)(one.end - one.begin));
        if (!close || close == one.begin + 1 || (close + 1 < one.end && close[1] != ':')) {
            err_set(b->err, ERR_CONFIG, "the URL's IPv6 address at character %zu is malformed",
                    position(text, one.begin));
            err_why(b->err, !close ? "its ']' is missing"
                    : close == one.begin + 1 ? "there is nothing in the brackets"
                    : "only a ':' and a port may follow the ']'");
            return err_hint(b->err, "Write it as [::1]:5432.");
        }
        *host = (struct span){one.begin + 1, close};
        if (close + 1 < one.end)
            *port = (struct span){close + 2, one.end};
        return true;
    }
    const char *colon = memchr(one.begin, ':', (size_t)(one.end - one.begin));
    if (colon) {
        host->end = colon;
        port->begin = colon + 1;
    }
    return true;
}

static bool add_host(struct url_builder *b, const char *text, struct span one, struct str *hosts,
                     struct str *ports)
{
    struct span host, port;
    if (!cut_host(b, text, one, &host, &port))
        return false;
    char *decoded = decode(b, text, "host", host);
    if (decoded)
        str_add(hosts, decoded);
    str_add_bytes(ports, port.begin, (size_t)(port.end - port.begin));
    drop(decoded);
    return decoded != NULL;
}

/* True if a list has an element that is not empty. */
static bool any(const struct str *list) { return strspn(str_text(list), ",") < list->length; }

/* Hosts become two lists with commas, host and port, of equal length. */
static bool put_hosts(struct url_builder *b, const char *text, const struct url_cut *cut)
{
    struct str hosts = {0}, ports = {0};
    bool ok = true;
    for (const char *p = cut->hosts.begin, *comma; ok; p = comma + 1) {
        comma = memchr(p, ',', (size_t)(cut->hosts.end - p));
        ok = add_host(b, text, (struct span){p, comma ? comma : cut->hosts.end}, &hosts, &ports);
        if (!comma)
            break;
        str_add_char(&hosts, ',');
        str_add_char(&ports, ',');
    }
    /* Without credentials before it, what stands in the port's place may be a password without its host. */
    ok = ok && check_ports(b, str_text(&ports), cut->user.begin != NULL)
        && (!any(&hosts) || url_put(b, "host", str_text(&hosts)))
        && (!any(&ports) || url_put(b, "port", str_text(&ports)));
    if (ports.text)
        secret_wipe(ports.text);
    str_free(&hosts);
    str_free(&ports);
    return ok;
}

static bool put_query(struct url_builder *b, const char *text, struct span query)
{
    struct span name, value;
    while (url_next_parameter(&query, &name, &value)) {
        if (name.begin == name.end && !value.begin)
            continue;                       /* "?&a=b", a trailing '&' */
        const char *wrong = NULL;
        char *decoded = url_decode(name, &wrong);
        if (!decoded || !value.begin || !*decoded) {
            drop(decoded);
            err_set(b->err, ERR_CONFIG, "the URL's parameter at character %zu is not name=value",
                    position(text, name.begin));
            return err_hint(b->err, "%s", ENCODING_HINT);
        }
        bool ok = put_span(b, text, decoded, value);
        drop(decoded);
        if (!ok)
            return false;
    }
    return true;
}

static bool parse_uri(struct url_builder *b, const char *text)
{
    struct url_cut cut;
    url_cut_authority(url_authority(text), &cut);
    if (cut.spilled) {
        err_set(b->err, ERR_CONFIG, "the URL cannot be taken apart: a '/' or '?' cuts its user name or "
                "password in two");
        return err_hint(b->err, "%s", ENCODING_HINT);
    }
    if (cut.at_in_password)
        url_note(b, "A raw '@' before the last one was taken as part of the password; it should be %%40.");
    b->hide_names = cut.query.begin && strchr(cut.query.begin, '@');
    if (cut.path.begin == cut.path.end)
        cut.path.begin = NULL;
    return put_span(b, text, "user", cut.user) && put_span(b, text, "password", cut.password)
        && put_hosts(b, text, &cut) && put_span(b, text, "dbname", cut.path) && put_query(b, text, cut.query)
        && check_ports(b, url_value(b->url, "port"), !b->hide_names);
}

/* ---- keyword=value ---- */

static bool parse_keywords(struct url_builder *b, const char *text)
{
    const char *rest = text, *why;
    struct span name, value;
    while (url_next_keyword(&rest, &name, &value, &why)) {
        char *keyword = xstrndup(name.begin, (size_t)(name.end - name.begin)), *plain = url_unquote(value);
        bool ok = url_put(b, keyword, plain);
        drop(plain);
        drop(keyword);
        if (!ok)
            return false;
    }
    if (why) {
        err_set(b->err, ERR_CONFIG, "the connection string is malformed at character %zu",
                position(text, name.begin));
        err_why(b->err, "%s", why);
        return err_hint(b->err, "A value with spaces stands in single quotes; a backslash makes the next "
                        "character plain.");
    }
    return check_ports(b, url_value(b->url, "port"), true);
}

/* ---- the whole ---- */

static bool not_ours(struct url_builder *b, const char *text)
{
    size_t length = strcspn(text, ":");
    char scheme[32] = "";
    if (text[length] == ':' && length < sizeof scheme
        && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-") == length)
        memcpy(scheme, text, length);
    if (strcmp(scheme, "jdbc") == 0) {
        err_set(b->err, ERR_CONFIG, "the URL is a JDBC URL");
        return err_hint(b->err, "Leave \"jdbc:\" away, and put user and password before the host.");
    }
    if (strcmp(scheme, "prisma") == 0 || strcmp(scheme, "prisma+postgres") == 0) {
        err_set(b->err, ERR_CONFIG, "the URL is Prisma Accelerate's, which is not PostgreSQL's protocol");
        return err_hint(b->err, "Give the database's own URL, postgresql://...; Prisma calls it directUrl.");
    }
    if (url_authority(text) || strcmp(scheme, "file") == 0 || strcmp(scheme, "sqlite") == 0) {
        err_set(b->err, ERR_CONFIG, "the URL is not PostgreSQL's: its scheme is \"%s\"", scheme);
        return err_hint(b->err, "%s", EXAMPLE_HINT);
    }
    err_set(b->err, ERR_CONFIG, "this is neither a database URL nor keyword=value pairs");
    return err_hint(b->err, "%s", EXAMPLE_HINT);
}

/* postgres://, postgresql://, and SQLAlchemy's postgresql+DRIVER:// */
static bool is_postgres(struct url_builder *b, const char *text)
{
    size_t length = strcspn(text, ":+");
    if (!url_authority(text) || !((length == 8 && strncasecmp(text, "postgres", 8) == 0)
                                  || (length == 10 && strncasecmp(text, "postgresql", 10) == 0)))
        return false;
    if (text[length] == '+')
        url_note(b, "The driver's name in the URL's scheme was set aside.");
    return text[length] == '+' || strncmp(text + length, "://", 3) == 0;
}

static bool check_text(struct url_builder *b, const char *text)
{
    if (!*text) {
        err_set(b->err, ERR_CONFIG, "the URL is empty");
        return err_hint(b->err, "%s", EXAMPLE_HINT);
    }
    if (*text == '"' || *text == '\'' || *text == '`') {
        err_set(b->err, ERR_CONFIG, "the URL begins with a quotation mark");
        return err_hint(b->err, "Take the quotes away; docker's --env-file, for one, keeps them.");
    }
    for (const char *p = text; url_authority(text) && *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            err_set(b->err, ERR_CONFIG, "the URL has a control character (\\x%02X) at character %zu",
                    (unsigned)(unsigned char)*p, position(text, p));
            return err_hint(b->err, "It often comes from a line break inside a copied or wrapped URL.");
        }
    }
    return true;
}

static const char *first_of(struct arena *arena, const char *list)
{
    return arena_strndup(arena, list, strcspn(list, ","));
}

static void finish(struct url_builder *b)
{
    struct url *u = b->url;
    const char *host = url_value(u, "host");
    u->host = first_of(b->arena, *host ? host : url_value(u, "hostaddr"));
    u->port = first_of(b->arena, url_value(u, "port"));
    u->database = url_value(u, "dbname");
    u->user = url_value(u, "user");
    /* Supabase's transaction pooler listens on 6543; Neon's poolers have it in their names. */
    u->pooled_hint = u->pooled_hint || strcmp(u->port, "6543") == 0 || strstr(u->host, "-pooler.");
}

bool url_parse(struct url *url, struct arena *arena, const char *text, struct err *err)
{
    *url = (struct url){.host = "", .port = "", .database = "", .user = ""};
    struct url_builder b = {.url = url, .arena = arena, .err = err};
    size_t lead = strspn(text, " \t\r\n"), length = strlen(text + lead);
    while (length && strchr(" \t\r\n", text[lead + length - 1]))
        length--;
    char *copy = xstrndup(text + lead, length);
    if (text[lead + length] || lead)
        url_note(&b, "White space around the URL was ignored.");
    bool ok = check_text(&b, copy)
        && (is_postgres(&b, copy) ? parse_uri(&b, copy)
            : !url_authority(copy) && strchr(copy, '=') ? parse_keywords(&b, copy) : not_ours(&b, copy));
    drop(copy);
    if (ok)
        finish(&b);
    else
        url_free(url);
    return ok;
}

void url_free(struct url *url)
{
    secret_free(url->password);
    url->password = NULL;
}

void url_with_database(struct url *url, const struct url *from, struct arena *arena, const char *database)
{
    *url = *from;
    url->keywords = arena_alloc(arena, (from->count + 1) * sizeof *url->keywords);
    url->values = arena_alloc(arena, (from->count + 1) * sizeof *url->values);
    url->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->keywords[i], "dbname") == 0)
            continue;
        url->keywords[url->count] = from->keywords[i];
        url->values[url->count++] = from->values[i];
    }
    url->keywords[url->count] = "dbname";
    url->values[url->count++] = database;
    url->database = database;
}

/* ---- showing ---- */

/* "h1:5432,h2" from libpq's two lists; IPv6 in brackets again. One port alone counts for all hosts. */
static void add_hosts(struct str *out, const char *hosts, const char *ports)
{
    bool one_port = !strchr(ports, ',');
    for (bool more = true; more;) {
        size_t h = strcspn(hosts, ","), p = strcspn(ports, ",");
        bool v6 = memchr(hosts, ':', h) != NULL;
        str_add(out, v6 ? "[" : "");
        text_visible(out, hosts, h);
        str_add(out, v6 ? "]" : "");
        if (p) {
            str_add_char(out, ':');
            text_visible(out, ports, p);
        }
        more = hosts[h] == ',';
        str_add(out, more ? "," : "");
        hosts += h + more;
        if (!one_port)
            ports += p + (ports[p] == ',');
    }
}

const char *url_redacted(const struct url *url, struct arena *arena)
{
    struct str out = {0};
    const char *hosts = url_value(url, "host"), *service = url_value(url, "service");
    if (!*hosts)
        hosts = url_value(url, "hostaddr");
    bool socket = *hosts == '/' || *hosts == '@';
    if (*hosts && !socket) {
        text_visible(&out, url->user, strlen(url->user));
        str_add(&out, *url->user ? "@" : "");
        add_hosts(&out, hosts, url_value(url, "port"));
        str_add(&out, *url->database ? "/" : "");
    }
    text_visible(&out, url->database, strlen(url->database));
    if (!*hosts || socket) {
        str_add(&out, *url->database ? " on " : "");
        const char *place = socket ? hosts : *service ? service : "the default host";
        str_add(&out, *service && !socket ? "service " : "");
        text_visible(&out, place, strlen(place));
        str_add(&out, *url->port ? ":" : "");
        text_visible(&out, url->port, strlen(url->port));
        str_add(&out, *url->user ? " as " : "");
        text_visible(&out, url->user, strlen(url->user));
    }
    char *text = arena_strndup(arena, str_text(&out), out.length);
    str_free(&out);
    return text;
}
