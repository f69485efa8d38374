/* main - argv goes to cmd/; nothing else happens here. */
#include "cmd/command.h"

int main(int argc, char **argv) { return command_main(argc, argv); }
