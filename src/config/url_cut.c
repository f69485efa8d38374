/* url_cut - where the pieces of a URL or of a connection string begin and end, and wiping the secret ones.
 *
 *   scheme://user:password@host:port,host:port/path?name=value&name=value
 *            `---- credentials ----' `---- hosts ----'
 *
 * Unlike libpq, which ends the credentials at the first '@', the last '@' before the path wins: passwords are
 * pasted as they are. Nothing is decoded or judged here. */
#include "config/url_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char *find(struct span s, char c)
{
    return s.begin ? memchr(s.begin, c, (size_t)(s.end - s.begin)) : NULL;
}

static const char *find_last(struct span s, char c)
{
    return s.begin ? memrchr(s.begin, c, (size_t)(s.end - s.begin)) : NULL;
}

const char *url_authority(const char *text)
{
    const char *p = strstr(text, "://");
    return p && !memchr(text, '=', (size_t)(p - text)) ? p + 3 : NULL;
}

static void cut_credentials(struct span all, struct url_cut *cut)
{
    const char *colon = find(all, ':');
    cut->user = (struct span){all.begin, colon ? colon : all.end};
    if (colon)
        cut->password = (struct span){colon + 1, all.end};
    cut->at_in_password = find(all, '@') != NULL;
}

/* Every port a number, as far as brackets let us see. */
static bool ports_are_numbers(struct span hosts)
{
    bool in_port = false;
    for (const char *p = hosts.begin; p < hosts.end; p++) {
        if (*p == '[') {
            const char *close = memchr(p, ']', (size_t)(hosts.end - p));
            if (close)
                p = close;
        } else if (*p == ':') {
            in_port = true;
        } else if (*p == ',') {
            in_port = false;
        } else if (in_port && (*p < '0' || *p > '9')) {
            return false;
        }
    }
    return true;
}

void url_cut_authority(const char *authority, struct url_cut *cut)
{
    *cut = (struct url_cut){0};
    const char *end = authority + strcspn(authority, "/?");
    struct span whole = {authority, end};
    const char *at = find_last(whole, '@');
    if (at)
        cut_credentials((struct span){authority, at}, cut);
    cut->hosts = (struct span){at ? at + 1 : authority, end};
    if (*end == '/') {
        cut->path = (struct span){end + 1, end + 1 + strcspn(end + 1, "?")};
        end = cut->path.end;
    }
    if (*end == '?')
        cut->query = (struct span){end + 1, end + strlen(end)};
    cut->spilled = find(cut->path, '@') || (find(cut->query, '@') && !ports_are_numbers(cut->hosts));
}

bool url_next_parameter(struct span *rest, struct span *name, struct span *value)
{
    if (!rest->begin || rest->begin >= rest->end)
        return false;
    const char *end = find(*rest, '&');
    struct span one = {rest->begin, end ? end : rest->end};
    const char *equals = find(one, '=');
    *name = (struct span){one.begin, equals ? equals : one.end};
    *value = equals ? (struct span){equals + 1, one.end} : (struct span){NULL, NULL};
    rest->begin = end ? end + 1 : rest->end;
    return true;
}

static const char *skip_space(const char *p) { return p + strspn(p, " \t\r\n\f\v"); }

bool url_next_keyword(const char **rest, struct span *name, struct span *value, const char **why)
{
    const char *p = skip_space(*rest);
    *why = NULL;
    *name = *value = (struct span){p, p};
    if (!*p) {
        *rest = p;
        return false;
    }
    p += strcspn(p, "= \t\r\n\f\v");
    name->end = p;
    p = skip_space(p);
    if (*p != '=') {
        *why = "a keyword is followed by no '='";
        *value = (struct span){p, p};
        *rest = p;
        return false;
    }
    p = skip_space(p + 1);
    value->begin = p;
    bool quoted = *p == '\'';
    for (p += quoted; *p && !strchr(quoted ? "'" : " \t\r\n\f\v", *p); p++) {
        if (*p == '\\' && p[1])
            p++;
    }
    if (quoted && !*p)
        *why = "a quoted value does not end";
    else if (quoted)
        p++;
    value->end = p;
    *rest = p;
    return !*why;
}

char *url_unquote(struct span value)
{
    char *text = xmalloc((size_t)(value.end - value.begin) + 1), *to = text;
    bool quoted = value.begin < value.end && *value.begin == '\'';
    const char *end = value.end - (quoted && value.end - value.begin > 1);
    for (const char *p = value.begin + quoted; p < end; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        *to++ = *p;
    }
    *to = '\0';
    return text;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
        : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *url_decode(struct span raw, const char **wrong)
{
    char *text = xmalloc((size_t)(raw.end - raw.begin) + 1), *to = text;
    for (const char *p = raw.begin; p < raw.end; p++) {
        if (*p != '%') {
            *to++ = *p;
            continue;
        }
        int high = raw.end - p > 2 ? hex(p[1]) : -1, low = high < 0 ? -1 : hex(p[2]);
        if (low < 0 || high + low == 0) {
            *wrong = p;
            *to = '\0';
            secret_wipe(text);
            free(text);
            return NULL;
        }
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = '\0';
    return text;
}

/* ---- wiping ---- */

static bool wipe(char *text, struct span s)
{
    if (!s.begin || s.begin >= s.end)
        return false;
    memset(text + (s.begin - text), '*', (size_t)(s.end - s.begin));
    return true;
}

static bool names_secret(struct span name)
{
    const char *wrong;
    char *decoded = url_decode(name, &wrong);
    bool secret = decoded && url_keyword_secret(decoded);
    free(decoded);
    return secret;
}

bool url_wipe(char *text)
{
    if (strncmp(text, "--", 2) == 0 && strchr(text, '='))   /* --url=URL, one argv element */
        text = strchr(text, '=') + 1;
    struct span name, value;
    bool wiped = false;
    const char *authority = url_authority(text), *rest = text, *why = NULL;
    if (!authority) {
        bool more;
        do {
            more = url_next_keyword(&rest, &name, &value, &why);
            if (names_secret(name))
                wiped |= wipe(text, value);
        } while (more);
        return wiped;
    }
    struct url_cut cut;
    url_cut_authority(authority, &cut);
    const char *colon = strchr(authority, ':');
    if (cut.spilled && colon)
        return wipe(text, (struct span){colon + 1, strrchr(authority, '@')});
    wiped = wipe(text, cut.password);
    while (url_next_parameter(&cut.query, &name, &value)) {
        if (names_secret(name))
            wiped |= wipe(text, value);
    }
    return wiped;
}
