/* cmds - the commands' functions, for the table in command.c. One file a command group. */
#ifndef SEEDOPS_CMD_CMDS_H
#define SEEDOPS_CMD_CMDS_H

#include "cmd/command.h"

int cmd_status(const struct command *command, struct options *options);
int cmd_boot(const struct command *command, struct options *options);
int cmd_provision(const struct command *command, struct options *options);
int cmd_wait(const struct command *command, struct options *options);
int cmd_watch(const struct command *command, struct options *options);
int cmd_migrate(const struct command *command, struct options *options);
int cmd_migrate_status(const struct command *command, struct options *options);
int cmd_migrate_resolve(const struct command *command, struct options *options);
int cmd_migrate_baseline(const struct command *command, struct options *options);
int cmd_count(const struct command *command, struct options *options);
int cmd_diagnose(const struct command *command, struct options *options);
int cmd_diff(const struct command *command, struct options *options);
int cmd_preserve(const struct command *command, struct options *options);
int cmd_restore(const struct command *command, struct options *options);
int cmd_seed(const struct command *command, struct options *options);
int cmd_prune(const struct command *command, struct options *options);
int cmd_reset(const struct command *command, struct options *options);
int cmd_converge(const struct command *command, struct options *options);
int cmd_verify(const struct command *command, struct options *options);
int cmd_capture(const struct command *command, struct options *options);
int cmd_init(const struct command *command, struct options *options);
int cmd_mark(const struct command *command, struct options *options);
int cmd_envs(const struct command *command, struct options *options);
int cmd_replay(const struct command *command, struct options *options);
int cmd_sessions(const struct command *command, struct options *options);
int cmd_report(const struct command *command, struct options *options);
int cmd_completion(const struct command *command, struct options *options);
int cmd_help(const struct command *command, struct options *options);
/* cmd_envs with --accept, --forget. */
int envs_accept(const struct command *command, struct options *options);
int envs_forget(const struct command *command, struct options *options);
/* `seedops [ENV]`: the console. */
int cmd_console(const struct command *command, struct options *options);

#endif
