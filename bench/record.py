#!/usr/bin/env python3
"""record LOG PID > FILE: a session's statements, from a server log, as `floor queries` sends them again.

The log needs log_statement=all and log_line_prefix='%p|'. A probe begins with its settings, and ends with a Sync. All of it
goes in one round trip: where seedops needs three, the floor is the stricter for it.
"""
import re
import sys

log, pid = sys.argv[1], sys.argv[2]
statements = []      # [statement, text of its parameters]
part = None          # which of the two a continued line belongs to
for line in open(log, encoding="utf-8", errors="replace"):
    head = re.match(r"(\d+)\|(\w+):  (.*)", line.rstrip("\n"))
    if not head:
        if part is not None and line.startswith("\t"):
            statements[-1][part] += "\n" + line[1:].rstrip("\n")
        continue
    part = None
    if head[1] != pid:
        continue
    if head[2] == "LOG" and head[3].startswith("execute <unnamed>: "):
        statements.append([head[3][len("execute <unnamed>: "):], ""])
        part = 0
    elif head[2] == "DETAIL" and head[3].startswith("parameters: ") and statements:
        statements[-1][1] = head[3]
        part = 1
for i, (sql, detail) in enumerate(statements):
    if i and sql.startswith("SELECT pg_catalog.set_config('transaction_read_only'"):
        sys.stdout.write("S\n")
    params = [m.replace("''", "'") for m in re.findall(r"\$\d+ = '((?:[^']|'')*)'", detail)]
    out = [f"Q{len(params)}\n"]
    for text in [sql, *params]:
        data = text.encode()
        out.append(f"{len(data)}\n{text}\n")
    sys.stdout.write("".join(out))
sys.stdout.write("S\nF\n")
