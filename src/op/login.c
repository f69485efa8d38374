/* login - from a URL to a connection: the password from where it is, a question where it is wanted, libpq's keywords. */
#include <stdio.h>
#include <string.h>

#include "base/spawn.h"
#include "base/str.h"
#include "base/text.h"
#include "config/trust.h"
#include "op/onrecord.h"
#include "op/session.h"
#include "op/way.h"

enum { PASSWORD_COMMAND_MS = 30000, EXTRA_KEYWORDS = 3 };

/* ---- password ---- */

/* Every command that the answer lets run, whole: what is not shown has not been agreed to. */
static void add_command(struct str *text, const char *where, const char *command)
{
    if (!command)
        return;
    str_printf(text, "%s: ", where);
    text_visible(text, command, strlen(command));
    str_add_char(text, '\n');
}

static void list_commands(const struct settings *settings, struct str *text)
{
    str_add(text, "It wants to run:\n");
    add_command(text, "migrations.before", settings->migrations_before);
    for (size_t i = 0; i < settings->environment_count; i++) {
        const struct environment *env = &settings->environments[i];
        struct str where = {0};
        str_printf(&where, "password_command of %s", env->name);
        add_command(text, str_text(&where), env->password_command);
        str_reset(&where);
        str_printf(&where, "tunnel.password_command of %s", env->name);
        add_command(text, str_text(&where), env->ssh_password_command);
        str_reset(&where);
        str_printf(&where, "tunnel.command of %s, at %s", env->name, env->ssh ? env->ssh : "");
        add_command(text, str_text(&where), env->command);
        str_free(&where);
    }
    str_add(text, "Asked once for this content of the file.");
}

bool session_allow_command(struct ctx *ctx, const char *otherwise, struct err *err)
{
    const struct settings *settings = ctx->settings;
    if (settings->trusted || trust_known(settings->file_digest))
        return true;
    struct str text = {0};
    list_commands(settings, &text);
    struct question q = {.kind = QUESTION_YES, .title = "This configuration file runs commands",
                         .text = str_text(&text)};
    struct answer a = {0};
    bool asked = ctx_ask(ctx, &q, &a, err);
    str_free(&text);
    if (!asked)
        return false;
    if (!a.yes) {
        err_set(err, ERR_REFUSED, "%s may not run commands", settings->file);
        return err_hint(err, "answer yes, or %s", otherwise);
    }
    struct err forgotten = {0};
    if (!trust_remember(settings->file_digest, settings->file, &forgotten))
        ctx_log(ctx, "warning", "the answer cannot be remembered: %s", forgotten.why);
    return true;
}

bool session_run_password(struct ctx *ctx, const char *command, const char *otherwise, struct secret **password,
                          struct err *err)
{
    if (!session_allow_command(ctx, otherwise, err))
        return false;
    struct str out = {0};
    int status;
    struct spawn_options options = {.shell = command, .directory = ctx->settings->base_dir,
        .timeout_ms = PASSWORD_COMMAND_MS, .output_limit = SECRET_MAX + 1, .cancel_fd = ctx->cancel_fd};
    bool ok = spawn_run(&options, &out, &status, err);
    if (!ok && status > 0)
        err->class = ERR_NEVER_READY;    /* it ran and said no: waiting will not help */
    if (ok) {
        size_t length = strcspn(str_text(&out), "\r\n");
        *password = secret_new(str_text(&out), length);
    }
    if (out.text)
        secret_wipe(out.text);
    str_free(&out);
    return ok || err_context(err, "password of %s", ctx->environment->name);
}

static bool ask_password(struct ctx *ctx, const struct url *url, struct secret **password, struct err *err)
{
    char title[256];
    snprintf(title, sizeof title, "Password for %s", url_redacted(url, &ctx->settings->arena));
    struct question q = {.kind = QUESTION_PASSWORD, .title = title,
                         .option = "PGPASSWORD, ~/.pgpass or password_command"};
    struct answer a = {0};
    if (!ctx_ask(ctx, &q, &a, err))
        return false;
    *password = a.secret;
    return true;
}

/* ---- connecting ---- */

static bool has_keyword(const struct url *url, const char *keyword)
{
    for (size_t i = 0; i < url->count; i++)
        if (strcmp(url->keywords[i], keyword) == 0)
            return true;
    return false;
}

static void notice(void *sink, const char *severity, const char *text)
{
    ctx_log(sink, strcmp(severity, "WARNING") == 0 ? "warning" : "debug", "server: %s", text);
}

struct telling {                     /* of the phases of one connection */
    struct ctx *ctx;
    bool channel_told;
};

/* To libpq the channel is a part of what it first waits for. */
static void phase(void *sink, const char *name, int64_t ms)
{
    struct telling *telling = sink;
    int64_t channel = telling->channel_told ? -1 : way_channel_ms(telling->ctx);
    telling->channel_told = true;
    if (channel >= 0)
        session_phase(telling->ctx, "channel", "", channel);
    session_phase(telling->ctx, name, "", channel > 0 && ms > channel ? ms - channel : ms);
}

static bool connect_once(struct ctx *ctx, const struct url *url, const struct way_end *end, const struct secret *password,
                         int timeout_ms, struct db **db, struct err *err)
{
    const char *keywords[64], *values[64];
    size_t count = 0;
    for (; count < url->count && count < 64 - EXTRA_KEYWORDS; count++) {
        keywords[count] = url->keywords[count];
        values[count] = url->values[count];
    }
    if (!has_keyword(url, "application_name")) {
        keywords[count] = "application_name";
        values[count++] = "seedops";
    }
    struct telling telling = {.ctx = ctx};
    struct db_options options = {.keywords = keywords, .values = values, .count = count, .password = password,
                                 .cancel_fd = ctx->cancel_fd, .connect_timeout_ms = timeout_ms,
                                 .patience_ms = ctx->patience_ms,
                                 .notice = notice, .notice_sink = ctx,
                                 .statement = onrecord_statement, .statement_sink = ctx,
                                 .phase = phase, .phase_sink = &telling};
    if (end->tunnelled) {
        options.way = &end->db;
        options.broken = way_broken;
        options.broken_sink = ctx;
    }
    return db_open(db, &options, err);
}

static bool password_wanted(const struct err *err)
{
    return strcmp(err->sqlstate, "28P01") == 0;
}

struct wanted_password { struct ctx *ctx; const struct url *url; };

static bool make_password(void *context, struct secret **password, struct err *err)
{
    const struct wanted_password *w = context;
    return session_run_password(w->ctx, w->ctx->environment->password_command,
                                "set the password by ~/.pgpass or PGPASSWORD instead", password, err);
}

static bool question_password(void *context, struct secret **password, struct err *err)
{
    const struct wanted_password *w = context;
    return ask_password(w->ctx, w->url, password, err);
}

/* By a command or a question: once for all who share it. */
static bool get_password(struct ctx *ctx, const struct url *url, bool asking, struct secret **password, struct err *err)
{
    struct wanted_password wanted = {ctx, url};
    bool (*make)(void *, struct secret **, struct err *) = asking ? question_password : make_password;
    if (!ctx->common)
        return make(&wanted, password, err);
    return common_password(asking ? &ctx->common->asked : &ctx->common->made, make, &wanted, password, err);
}

bool session_login(struct ctx *ctx, const struct url *url, struct secret **password, int timeout_ms, struct db **db,
                   struct err *err)
{
    bool given = *password || url->password;
    struct way_end end;
    bool ok = way_open(ctx, url, timeout_ms, &end, err);
    if (ok && !*password)
        *password = secret_copy(url->password);
    if (ok && !given && ctx->environment->password_command) {
        ok = get_password(ctx, url, false, password, err);
        given = ok;
    }
    ok = ok && connect_once(ctx, url, &end, *password, timeout_ms, db, err);
    /* Without any password given, a refusal for want of one is worth a question; a wrong one is not. */
    if (!ok && !given && password_wanted(err)) {
        struct err refused = *err;
        secret_free(*password);
        *password = NULL;
        ok = get_password(ctx, url, true, password, err) && connect_once(ctx, url, &end, *password, timeout_ms, db, err);
        if (!ok && err->class == ERR_REFUSED)
            *err = refused;
    }
    return ok;
}

bool session_connect(struct ctx *ctx, const struct url *url, struct db **db, struct err *err)
{
    struct secret *password = NULL;
    bool ok = session_login(ctx, url, &password, 0, db, err);
    secret_free(password);
    return ok;
}
