/* envs - `seedops envs`: the environments of the configuration, and what each points to. Connects to nothing;
 * one that lacks a variable is listed with what it lacks. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/face.h"

static const char *target(struct settings *s, const struct environment *env)
{
    return env->has_url ? url_redacted(&env->url, &s->arena) : NULL;
}

static void add_environment_json(struct json_out *o, struct settings *s, const struct environment *env)
{
    json_object(o);
    json_put_text(o, "name", env->name);
    json_put_text(o, "role", role_name(env->role));
    json_put_text(o, "target", target(s, env));
    json_put_text(o, "direct", env->has_direct ? url_redacted(&env->direct, &s->arena) : NULL);
    json_put_text(o, "tunnel", env->ssh);
    json_put_text(o, "at", *env->at ? env->at : NULL);
    json_key(o, "error");
    if (env->url_error.class == ERR_NONE) {
        json_null(o);
    } else {
        json_object(o);
        json_put_text(o, "class", err_class_name(env->url_error.class));
        json_put_text(o, "message", env->url_error.message);
        json_put_text(o, "hint", env->url_error.hint);
        json_put_text(o, "at", env->url_error.at);
        json_object_end(o);
    }
    json_object_end(o);
}

static void print_json(struct settings *s)
{
    struct str out = {0};
    struct json_out o;
    json_begin(&o, &out);
    json_object(&o);
    json_put_text(&o, "file", s->file);
    json_put_text(&o, "project", s->project);
    json_key(&o, "environments");
    json_array(&o);
    if (s->url_environment)
        add_environment_json(&o, s, s->url_environment);
    for (size_t i = 0; i < s->environment_count; i++)
        add_environment_json(&o, s, &s->environments[i]);
    json_array_end(&o);
    json_object_end(&o);
    face_write_json(&out);
    str_free(&out);
}

/* A cell of `width` cells; the last column is not padded. */
static void add_cell(struct str *out, const char *text, int width)
{
    text_visible(out, text, strlen(text));
    for (int used = text_width(text); used < width; used++)
        str_add_char(out, ' ');
}

static const char HEADING[] = "environment";

static void print_environment(struct settings *s, const struct environment *env, int name_width)
{
    struct str out = {0};
    add_cell(&out, env->name, name_width + 2);
    add_cell(&out, role_name(env->role), 12);
    if (env->url_error.class != ERR_NONE) {
        text_visible(&out, env->url_error.message, strlen(env->url_error.message));
    } else {
        add_cell(&out, target(s, env), 0);
        if (env->has_direct) {
            str_add(&out, "  direct ");
            add_cell(&out, url_redacted(&env->direct, &s->arena), 0);
        }
        if (env->ssh) {
            str_add(&out, "  by ssh ");
            add_cell(&out, env->ssh, 0);
        }
    }
    puts(str_text(&out));
    str_free(&out);
}

static void print_text(struct settings *s)
{
    int width = (int)strlen(HEADING);
    if (s->url_environment && text_width(s->url_environment->name) > width)
        width = text_width(s->url_environment->name);
    for (size_t i = 0; i < s->environment_count; i++) {
        int cells = text_width(s->environments[i].name);
        width = cells > width ? cells : width;
    }
    printf("%-*s%-12starget\n", width + 2, HEADING, "role");
    if (s->url_environment)
        print_environment(s, s->url_environment, width);
    for (size_t i = 0; i < s->environment_count; i++)
        print_environment(s, &s->environments[i], width);
}

int cmd_envs(const struct command *command, struct options *options)
{
    struct face face = {.command = command, .options = options};
    struct environment *none;
    struct err err = {0};
    if (options->accept && options->forget) {
        err_set(&err, ERR_USAGE, "--accept and --forget are two different things");
        err_hint(&err, "give one of them");
        return face_close(&face, false, &err);
    }
    if (options->accept)
        return envs_accept(command, options);
    if (options->forget)
        return envs_forget(command, options);
    bool ok = face_refuse_operands(&face, &err) && settings_load(&face.settings, &options->settings, NULL, &err);
    if (ok && face.settings.environment_count == 0 && !face.settings.url_environment)
        ok = settings_choose(&face.settings, &options->settings, NULL, &none, &err);   /* says why */
    if (ok && options->json)
        print_json(&face.settings);
    else if (ok)
        print_text(&face.settings);
    return face_close(&face, ok, &err);
}
