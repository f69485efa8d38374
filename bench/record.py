#!/usr/bin/env python3
"""record LOG PID > FILE: a session's statements, from a server log, as `floor queries` sends them again.

The log needs log_statement=all and log_line_prefix='%p|'. Each COMMIT is followed by a Sync, as every probe has one. All of it
goes in one round trip: where seedops needs three, the floor is the stricter for it.
"""
import re
import sys

log, pid = sys.argv[1], sys.argv[2]
statements = []
current = None
for line in open(log, encoding="utf-8", errors="replace"):
    head = re.match(r"(\d+)\|(LOG|DETAIL|ERROR|STATEMENT):  (.*)", line.rstrip("\n"))
    if head:
        if head[1] != pid:
            current = None
            continue
        if head[2] == "LOG" and head[3].startswith("execute <unnamed>: "):
            current = [head[3][len("execute <unnamed>: "):], []]
            statements.append(current)
        elif head[2] == "DETAIL" and current is not None and head[3].startswith("parameters: "):
            current[1] = [m[0].replace("''", "'") for m in re.findall(r"\$\d+ = '((?:[^']|'')*)'", head[3])]
        else:
            current = None
    elif current is not None and line.startswith("\t"):
        current[0] += "\n" + line[1:].rstrip("\n")
for sql, params in statements:
    out = [f"Q{len(params)}\n"]
    for text in [sql, *params]:
        data = text.encode()
        out.append(f"{len(data)}\n{text}\n")
    sys.stdout.write("".join(out))
    if sql.upper().startswith("COMMIT"):
        sys.stdout.write("S\n")
sys.stdout.write("F\n")
