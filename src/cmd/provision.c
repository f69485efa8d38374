/* provision - readiness, migrations, seed (case E): what an entrypoint or a pipeline runs once. Any step that fails is
 * the end of it. */
#include "cmd/cmds.h"
#include "cmd/unattended.h"

static bool seed(struct unattended *u, struct err *err)
{
    if (!unattended_says_yes("SKIP_SEED"))
        return unattended_seed(u, err);
    unattended_skip_seed(u, "SKIP_SEED=true", NULL);
    return true;
}

int cmd_provision(const struct command *command, struct options *options)
{
    struct unattended u;
    struct err err = {0};
    bool ok = unattended_begin(&u, command, options, &err);
    u.face.ctx.explicit_target = true;   /* SAFETY 2: provision and boot are explicit enough for migrations */
    ok = ok && unattended_wait(&u, &err) && unattended_migrate(&u, &err) && seed(&u, &err);
    return unattended_end(&u, ok, &err);
}
