/* envs_known - `seedops envs --accept ENV` and `--forget ENV`: which database an environment is known to be. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

/* ---- accept ---- */

static void add_day(struct str *out, int64_t wall_ms)
{
    char text[32];
    clock_format_utc(wall_ms, text, sizeof text);
    str_printf(out, ", since %.10s", text);
}

/* Both, one under the other, before anything is asked. */
static void show(void *context, const struct known *known)
{
    const struct face *face = context;
    struct str out = {0};
    if (face->options->json)
        return;
    if (known->first_seen_ms) {
        str_printf(&out, "  known  %s", known->was_text);
        add_day(&out, known->first_seen_ms);
        str_add_char(&out, '\n');
    }
    str_printf(&out, "  now    %s\n", known->now_text);
    fputs(str_text(&out), stdout);
    fflush(stdout);
    str_free(&out);
}

static void json_identity(struct json_out *o, const char *key, const struct pin_identity *identity)
{
    json_key(o, key);
    if (!identity->database_oid) {
        json_null(o);
        return;
    }
    json_object(o);
    json_put_text(o, "system_identifier", identity->system_identifier[0] ? identity->system_identifier : NULL);
    json_put_text(o, "database", identity->database);
    json_put_int(o, "database_oid", identity->database_oid);
    json_object_end(o);
}

static void print_accepted(const struct face *face, const struct known *before, bool written)
{
    const char *name = face->ctx.environment->name;
    struct str out = {0};
    struct json_out o;
    if (!face->options->json) {
        printf(written ? "accepted: this is %s from now on\n" : "nothing to accept: this is %s, as it is known\n", name);
        return;
    }
    json_begin(&o, &out);
    json_object(&o);
    json_put_text(&o, "environment", name);
    json_put_bool(&o, "accepted", written);
    json_identity(&o, "before", &before->pinned);
    json_identity(&o, "now", &before->now);
    json_put_text(&o, "clone_of", before->known_as[0] ? before->known_as : NULL);
    json_put_text(&o, "marked_as", before->marked_as[0] ? before->marked_as : NULL);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

struct showing { struct face *face; struct known before; };

static void keep_and_show(void *context, const struct known *known)
{
    struct showing *showing = context;
    showing->before = *known;
    show(showing->face, known);
}

/* The name stands after the option; with --url it is what that URL is called. */
static bool open_named(struct face *face, const struct command *command, struct options *options, struct err *err)
{
    const char *name = options->accept;
    if (!options->settings.url) {
        options->operands[0] = name;
        options->operand_count = 1;
    }
    if (!face_open(face, command, options, err))
        return false;
    if (strcmp(face->ctx.environment->name, name) == 0)
        return true;
    err_set(err, ERR_USAGE, "--accept names \"%s\", the URL's database is \"%s\"", name, face->ctx.environment->name);
    return err_hint(err, "--accept %s --url \"$URL\"", face->ctx.environment->name);
}

int envs_accept(const struct command *command, struct options *options)
{
    struct face face;
    struct err err = {0};
    struct showing showing = {.face = &face};
    bool ok = open_named(&face, command, options, &err);
    face.ctx.action = "envs --accept";
    face.ctx.action_operands = true;
    ok = ok && op_accept(&face.session, keep_and_show, &showing, &err);
    if (ok)
        print_accepted(&face, &showing.before, face.last[IN_OUTCOME]->number2 > 0);
    return face_close(&face, ok, &err);
}

/* ---- forget ---- */

/* Also of an environment that the configuration does not declare any more. */
static const char *config_of(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->environment_count; i++)
        if (strcmp(settings->environments[i].name, name) == 0)
            return known_config(settings, &settings->environments[i]);
    return settings->file && !strchr(name, '@') ? settings->file : "";
}

int envs_forget(const struct command *command, struct options *options)
{
    struct face face = {.command = command, .options = options};
    struct pin_identity was = {0};
    struct err err = {0};
    struct str text = {0}, json = {0};
    struct json_out o;
    bool ok = face_refuse_operands(&face, &err) && settings_load(&face.settings, &options->settings, NULL, &err) &&
              known_forget(config_of(&face.settings, options->forget), options->forget, &was, &err);
    if (ok && options->json) {
        json_begin(&o, &json);
        json_object(&o);
        json_put_text(&o, "environment", options->forget);
        json_identity(&o, "forgotten", &was);
        json_object_end(&o);
        face_write_json(&json);
    } else if (ok) {
        known_describe(&was, &text);
        printf("forgotten: %s was %s; its next visit is a first one\n", options->forget, str_text(&text));
    }
    str_free(&json);
    str_free(&text);
    return face_close(&face, ok, &err);
}
