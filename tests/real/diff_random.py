"""Random tables and fixtures for diff_random.sh: writes SQL and a project, and says what the server finds.

    diff_random.py make SEED TABLES DIR     DIR/setup.sql, DIR/seeds/*, DIR/expect.sql; what happens to them later:
                                            DIR/change.sql (live rows), DIR/retype.sql (columns), DIR/again/seeds/* (the
                                            same values in other words, with DIR/again/model.json)
    diff_random.py compare DIR [FILE...]    DIR/expected (rows of expect.sql) against DIR/FILE (diff.json, status.json)
    diff_random.py garble DIR SEED          spoils every file in DIR, each in one of many ways

A live value and its fixture text are written differently on purpose (9.99 and 9.990, t and yes, citext in another
case). What counts as a difference is asked of the server alone: FULL JOIN by the key, IS DISTINCT FROM.
"""
import csv
import json
import os
import random
import sys

WORDS = ["", "a", "A", "ab", "Zürich", "x y", 'q"q', "b\\c", "tab\there", "new\nline", "null", "NULL", "~", "é", "0", "\\N",
         "{a}", "#x", "long " * 30]


def text(r):
    return (r.choice(WORDS),) * 1


def number(r):
    n = r.choice([0, 1, -1, 7, 42, 100, 1234])
    return (str(n), "+%d" % n if n >= 0 else str(n), ("-" if n < 0 else "") + "00%d" % abs(n))


def numeric(r):
    n = r.choice(["0", "1", "9.99", "-3.5", "100"])
    return (n, n + ("0" if "." in n else ".0"), n + ("00" if "." in n else ".000"))


def boolean(r):
    return r.choice([("t", "true", "yes", "on", "1", "TRUE"), ("f", "false", "no", "off", "0", "F")])


def stamptz(r):
    return r.choice([("2019-04-01 00:00:00+00", "2019-04-01T00:00:00Z", "2019-04-01T02:00:00+02:00", "2019-04-01"),
                     ("2019-04-01 10:20:30.5+00", "2019-04-01T10:20:30.500Z", "2019-04-01 12:20:30.5+02"),
                     ("2020-02-29 23:59:00+00", "2020-02-29T23:59Z")])


def stamp(r):
    return r.choice([("2019-04-01 00:00:00", "2019-04-01", "2019-04-01T00:00:00"), ("2019-04-01 10:20:30",)])


def date(r):
    return r.choice([("2019-04-01", "20190401", "April 1, 2019"), ("2020-02-29",)])


def jsonb(r):
    return r.choice([('{"a": 1, "b": [1, 2]}', '{"b":[1,2],"a":1}', '{ "a" : 1.0, "b" : [1,2] }'), ("[]", "[ ]"),
                     ('{"s": "x y"}', '{"s":"x y"}'), ('{"s": "xy"}',)])


def array(r):
    return r.choice([("{a,b}", '{"a","b"}', "{ a , b }"), ("{}",), ('{"x y",NULL}',), ('{"NULL"}',)])


def uuid(r):
    u = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a%02x" % r.randrange(6)
    return (u, u.upper(), "{%s}" % u, u.replace("-", ""))


def citext(r):
    w = r.choice(["abc", "Def", "été", "z"])
    return (w, w.upper(), w.lower(), w.capitalize())


def tier(r):
    return (r.choice(["FREE", "PLUS", "PREMIUM"]),)


def double(r):
    return r.choice([("1.5", "1.50", "15e-1"), ("0", "-0", "0.0"), ("NaN",), ("1e+100", "1e100")])


def real(r):
    return r.choice([("0.1", "0.10"), ("-0", "0"), ("Infinity", "inf"), ("-Infinity",), ("NaN", "nan"), ("3.4e+38", "34e37")])


def far(r):
    return r.choice([("infinity",), ("-infinity",), ("2019-04-01 00:00:00+00", "2019-04-01 05:30+05:30"), ("0044-03-15 00:00:00+00 BC",)])


def clock(r):
    return r.choice([("10:20:30",), ("10:20:00", "10:20"), ("00:00:00", "00:00")])


def clocktz(r):
    return r.choice([("10:20:30+00", "10:20:30Z"), ("12:20:30+02",), ("23:59:59.5-08", "23:59:59.50-08:00")])


def bits(r):
    return r.choice([("101", "101"), ("", ""), ("0",)])


def money(r):
    return r.choice([("$1.50", "1.5", "1.50"), ("$0.00", "0")])


def numbers(r):
    return r.choice([("{1,2}", "{ 1, 2 }", "{01,+2}"), ("{}",), ("{NULL,3}", "{null,3}"), ("{{1,2},{3,4}}",)])


def pair(r):
    return r.choice([('(1,"a b")', '( 1,"a b")', '(+1,a b)'), ("(,)",), ('(2,"")',)])


def dates(r):
    return r.choice([("[2019-04-01,2019-05-01)", "[2019-04-01,2019-04-30]"), ("empty",), ("(,2020-01-01)",)])


def ranges(r):
    return r.choice([("{[1,3),[5,8)}", "{[1,2],[5,7]}"), ("{}",)])


def macaddr(r):
    return r.choice([("08:00:2b:01:02:03", "08-00-2b-01-02-03", "08002b010203"), ("ff:ff:ff:ff:ff:ff",)])


def words(r):
    return r.choice([("'a' 'b':2", "b:2 a"), ("'x'", "x x")])


def interval(r):
    return r.choice([("1 day", "24:00:00", "1440 minutes"), ("01:00:00", "1 hour")])


def inet(r):
    return r.choice([("10.0.0.1", "10.0.0.1/32"), ("10.0.0.0/8",), ("::1", "0::1/128")])


def bytea(r):
    return r.choice([("\\x6162", "ab", "\\141b"), ("\\x",)])


def intrange(r):
    return r.choice([("[1,5)", "[1,4]", "(0,5)"), ("empty", "[3,3)")])


def point(r):
    return r.choice([("(1,2)", "( 1 , 2 )", "1,2"), ("(0,0)",)])


def padded(r):
    w = r.choice(["ab", "x", ""])
    return (w, w + "  ")


def price(r):
    return r.choice([("5.00", "5", "5.0"), ("0.25", ".25")])


TYPES = {
    "int4": number, "int8": number, "numeric(10,3)": numeric, "numeric": numeric, "text": text, "varchar(400)": text,
    "char(5)": padded, "bool": boolean, "timestamptz": stamptz, "timestamp": stamp, "date": date, "jsonb": jsonb,
    "json": jsonb, "text[]": array, "uuid": uuid, "public.citext": citext, 'public."Tier"': tier, "float8": double,
    "interval": interval, "inet": inet, "bytea": bytea, "int4range": intrange, "point": point, "public.price": price,
    'text COLLATE public.nocase': citext, "float4": real, "timestamptz(3)": far, "time": clock, "timetz": clocktz, "varbit": bits,
    "money": money, "int8[]": numbers, 'public."Pair"': pair, "daterange": dates, "int4multirange": ranges, "macaddr": macaddr,
    "tsvector": words, "int2": number, "name": citext, "cidr": lambda r: r.choice([("10.0.0.0/8", "10/8"), ("::/0",)]),
}
KEYS = ["int4", "text", "public.citext", "uuid", "numeric", "timestamptz", "inet", "date", "varchar(400)",
        "text COLLATE public.nocase", "public.price", "char(5)", "bool", "interval", "int2", "daterange", "bytea", "float8"]


# What a column's type may become, for values and as text: what was equal before need not be so any more.
RETYPES = {
    "public.citext": ["text", "varchar(400)"], "text COLLATE public.nocase": ["text", 'text COLLATE "C"', "public.citext"],
    "numeric(10,3)": ["numeric", "numeric(12,4)", "text"], "numeric": ["numeric(12,3)", "text"], "float8": ["text"],
    "timestamptz": ["text", "timestamptz(3)"], "timestamp": ["text"], "jsonb": ["text", "json"], "json": ["text", "jsonb"],
    "interval": ["text"], "uuid": ["text"], "bytea": ["text"], "inet": ["text"], "public.price": ["numeric(8,2)", "text"],
    "char(5)": ["text", "char(6)"], "int4": ["int8", "text"], "bool": ["text"], 'public."Tier"': ["text"], "text": ["public.citext"],
    "varchar(400)": ["text", "public.citext"], "int8[]": ["text"], "int4range": ["text"], 'public."Pair"': ["text"],
}


def quote(value):
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def cast(column):
    return column["type"].split(" COLLATE")[0]


def compared(retyped, column, value):
    """The expression to compare by: json as jsonb, a type without equality by the text it prints."""
    if column["type"] == "json" or (column["type"] == "jsonb" and retyped):
        return "to_jsonb(%s)" % value     # of a text it is a string, which is compared as one
    return value + "::text" if column["type"] == "point" else value


def yaml_text(value):
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


class Table:
    def __init__(self, r, n):
        self.name = "T %d" % n if n % 2 else "t%d" % n
        self.r = r
        keys = r.sample(KEYS, r.choice([1, 1, 1, 2]))
        values = r.sample(sorted(TYPES), r.randint(1, 6))
        self.columns = [{"name": "K%d" % i, "type": t, "key": True} for i, t in enumerate(keys)]
        self.columns += [{"name": "c%d" % i, "type": t, "key": False} for i, t in enumerate(values)]
        self.key = [c for c in self.columns if c["key"]]
        self.prune = r.random() < 0.5
        self.insert = r.random() < 0.2
        self.keep = [c["name"] for c in self.columns if not c["key"] and r.random() < 0.1]
        self.named, self.as_csv = r.random() < 0.5, r.random() < 0.5
        self.make_rows()

    def value(self, column):
        if not column["key"] and self.r.random() < 0.1:
            return (None,)
        return TYPES[column["type"]](self.r)

    def make_rows(self):
        """Key values are unique by their first form; what the server thinks of the others it says itself."""
        seen, self.rows = set(), []
        for _ in range(self.r.randint(0, 25)):
            spellings = [self.value(c) for c in self.columns]
            key = tuple(str(s[0]).strip().lower() for s in spellings[:len(self.key)])
            if key not in seen:
                seen.add(key)
                self.rows.append(spellings)
        self.live, self.means = [], []
        for spellings in self.rows:
            fate = self.r.random()
            if fate > 0.12:
                self.live.append([s[0] for s in spellings])
            if fate < 0.88:
                self.means.append([self.meant(c, s, fate) for c, s in zip(self.columns, spellings)])
        self.write_anew()
        order = list(range(len(self.fixture)))
        if self.r.random() < 0.5:
            order.sort(key=lambda n: [str(v).encode() for v in self.fixture[n][:len(self.key)]])
        else:
            self.r.shuffle(order)
        self.fixture, self.means = [self.fixture[n] for n in order], [self.means[n] for n in order]

    def meant(self, column, spellings, fate):
        """The ways to write what the fixture says of this value."""
        return self.value(column) if not column["key"] and fate > 0.6 and self.r.random() < 0.3 else spellings

    def write_anew(self):
        self.fixture = [[self.r.choice(spellings) for spellings in row] for row in self.means]

    def shadow_rows(self):
        """What the fixture says, read by the columns' types."""
        return "".join('INSERT INTO shadow."%s" VALUES (%d, %s);\n' % (self.name, i, ", ".join(map(quote, row)))
                       for i, row in enumerate(self.fixture))

    def setup(self):
        columns = ", ".join('"%s" %s' % (c["name"], c["type"]) for c in self.columns)
        key = ", ".join('"%s"' % c["name"] for c in self.key)
        out = 'CREATE TABLE "%s" (%s, PRIMARY KEY (%s));\n' % (self.name, columns, key)
        for row in self.live:
            out += 'INSERT INTO "%s" VALUES (%s) ON CONFLICT DO NOTHING;\n' % (self.name, ", ".join(map(quote, row)))
        return out + 'CREATE TABLE shadow."%s" (ord int, %s);\n' % (self.name, columns) + self.shadow_rows()

    def change(self):
        """Some live rows go, some get values of others."""
        out = ""
        for c in self.columns:
            if not c["key"] and self.r.random() < 0.4:
                out += ('UPDATE public."{0}" SET "{1}" = (SELECT "{1}" FROM public."{0}" ORDER BY random() LIMIT 1) WHERE random() < 0.3;\n'
                        .format(self.name, c["name"]))
        return out + ('DELETE FROM public."%s" WHERE random() < 0.1;\n' % self.name if self.r.random() < 0.3 else "")

    def retype(self):
        """Other types for some columns; a table whose values do not allow it stays as it is."""
        to = {c["name"]: self.r.choice(RETYPES[c["type"]]) for c in self.columns if c["type"] in RETYPES and self.r.random() < 0.5}
        if not to:
            return ""
        out = 'BEGIN; DELETE FROM shadow."%s";\n' % self.name
        for name, type in to.items():
            collate = "" if "COLLATE" in type or "." in type or not (type == "text" or "char" in type) else ' COLLATE "default"'
            for schema in ("public", "shadow"):
                out += 'ALTER TABLE %s."%s" ALTER "%s" TYPE %s USING "%s"::text::%s;\n' % (
                    schema, self.name, name, type + collate, name, type.split(" COLLATE")[0])
        return out + self.shadow_rows() + "COMMIT;\n"

    def expect(self, retyped):
        """One row a difference: table, kind, ordinal of the fixture row, live key as JSON, columns that differ."""
        on = " AND ".join('l."{0}" = f."{0}"'.format(c["name"]) for c in self.key)
        first = self.key[0]["name"]
        live = "json_build_array(%s)" % ", ".join("format('%%s', l.\"%s\")" % c["name"] for c in self.key)
        parts = []
        for c in self.columns:
            if not c["key"]:
                a, b = compared(retyped, c, 'l."%s"' % c["name"]), compared(retyped, c, 'f."%s"' % c["name"])
                parts.append("CASE WHEN %s IS DISTINCT FROM %s THEN '%s' END" % (a, b, c["name"]))
        differing = "concat_ws(',', %s)" % ", ".join(parts)
        return ("SELECT json_build_object('table', %s, 'ord', f.ord, 'live', CASE WHEN l.\"%s\" IS NULL THEN NULL ELSE %s END,"
                " 'columns', CASE WHEN f.ord IS NULL OR l.\"%s\" IS NULL THEN '' ELSE %s END)"
                " FROM public.\"%s\" l FULL JOIN shadow.\"%s\" f ON %s"
                " WHERE f.ord IS NULL OR l.\"%s\" IS NULL OR %s <> '';\n"
                % (quote(self.name), first, live, first, differing, self.name, self.name, on, first, differing))

    def write_fixture(self, dir):
        stem = os.path.join(dir, self.name.replace(" ", "_"))
        head = "table: %s\n" % yaml_text(self.name)
        if self.named:
            head += "key: [%s]\n" % ", ".join(c["name"] for c in self.key)
        head += "prune: true\n" if self.prune else ""
        head += "mode: insert\n" if self.insert else ""
        head += "keep: [%s]\n" % ", ".join(self.keep) if self.keep else ""
        with open(stem + ".yaml", "w") as out:
            out.write(head)
            if self.as_csv:
                out.write("rows: !csv %s.csv\n" % os.path.basename(stem))
            else:
                out.write("rows:\n" if self.fixture else "rows: []\n")
                for row in self.fixture:
                    out.write("  - {%s}\n" % ", ".join("%s: %s" % (c["name"], yaml_text(v))
                                                       for c, v in zip(self.columns, row)))
        if self.as_csv:
            with open(stem + ".csv", "w", newline="") as out:
                out.write(",".join(c["name"] for c in self.columns) + "\n")
                for row in self.fixture:
                    out.write(",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n")


def make(seed, count, dir):
    r = random.Random(seed)
    tables = [Table(r, n) for n in range(count)]
    os.makedirs(os.path.join(dir, "seeds"))
    with open(os.path.join(dir, "setup.sql"), "w") as out:
        out.write("".join(t.setup() for t in tables))
    for name, text in (("expect.sql", [t.expect(False) for t in tables]), ("expect-retyped.sql", [t.expect(True) for t in tables]),
                       ("change.sql", ["SELECT setseed(%f);\n" % r.random()] + [t.change() for t in tables]),
                       ("retype.sql", ["\\set ON_ERROR_STOP off\n"] + [t.retype() for t in tables])):
        with open(os.path.join(dir, name), "w") as out:
            out.write("".join(text))
    write_project(tables, dir)
    for t in tables:
        t.write_anew()
    write_project(tables, os.path.join(dir, "again"))


def write_project(tables, dir):
    os.makedirs(os.path.join(dir, "seeds"), exist_ok=True)
    for t in tables:
        t.write_fixture(os.path.join(dir, "seeds"))
    with open(os.path.join(dir, "shadow.sql"), "w") as out:
        out.write("".join('DELETE FROM shadow."%s";\n' % t.name + t.shadow_rows() for t in tables))
    # a fixture without rows and without key: has no key to show
    keys = {t.name: [c["name"] for c in t.key] if t.named or t.fixture else [] for t in tables}
    model = {t.name: {"keys": keys[t.name], "rows": [row[:len(t.key)] for row in t.fixture],
                      "prune": t.prune, "insert": t.insert, "keep": t.keep} for t in tables}
    with open(os.path.join(dir, "model.json"), "w") as out:
        json.dump(model, out)


def expected_rows(dir, model):
    rows, totals = [], {t: {"missing": 0, "changed": 0, "extra": 0, "allowed_changed": 0, "allowed_extra": 0} for t in model}
    for line in open(os.path.join(dir, "expected")):
        e = json.loads(line)
        m, total = model[e["table"]], totals[e["table"]]
        columns = [c for c in e["columns"].split(",") if c]
        if e["ord"] is None:
            kind, key, allowed = "extra", e["live"][:len(m["keys"])], not m["prune"]
        elif e["live"] is None:
            kind, key, allowed = "missing", m["rows"][e["ord"]], False
        else:
            kind, key, allowed = "changed", e["live"], m["insert"] or all(c in m["keep"] for c in columns)
        total[kind] += 1
        if allowed:
            total["allowed_" + kind] += 1
        rows.append((e["table"], kind, tuple((k or "").rstrip() for k in key), tuple(sorted(columns)), allowed))
    return sorted(rows), totals


def found_rows(document, model):
    rows = []
    for t in document["tables"]:
        for row in t["rows"]:
            key = tuple((row["key"][k] or "").rstrip() for k in model[t["table"]]["keys"])
            columns = tuple(sorted(c["name"] for c in row["columns"])) if row["kind"] == "changed" else ()
            rows.append((t["table"], row["kind"], key, columns, row["allowed"]))
    return sorted(rows)


def compare(dir, files):
    model = json.load(open(os.path.join(dir, "model.json")))
    document = json.load(open(os.path.join(dir, files[0])))
    want, totals = expected_rows(dir, model)
    got = found_rows(document, model)
    bad = ["only the server: %r" % (w,) for w in want if w not in got] + ["only seedops: %r" % (g,) for g in got if g not in want]
    for source in files:
        for t in json.load(open(os.path.join(dir, source)))["tables"]:
            for what, count in totals[t["table"]].items():
                if t[what] != count:
                    bad.append("%s: %s of %s is %r, not %r" % (source, what, t["table"], t[what], count))
    identical = all(r[4] for r in want)
    if document["identical"] != identical:
        bad.append("identical is %r" % document["identical"])
    print("%d tables, %d differences" % (len(model), len(want)))
    print("\n".join(bad[:20]))
    sys.exit(bool(bad))


def garble(dir, seed):
    r = random.Random(seed)
    before = {name: open(os.path.join(dir, name), "rb").read() for name in sorted(os.listdir(dir))}
    for name, bytes in before.items():
        data, how = bytearray(bytes), r.randrange(6)
        if how == 0:
            data = data[:r.randrange(len(data))]
        elif how == 1:
            data[r.randrange(len(data))] ^= 1 << r.randrange(8)
        elif how == 2:
            data += b"more"
        elif how == 3:
            data = r.randbytes(len(data))
        elif how == 4:
            other = r.choice(list(before))
            data = before[other] if other != name else b""
        else:
            data = b""
        with open(os.path.join(dir, name), "wb") as out:
            out.write(data)


if sys.argv[1] == "make":
    make(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
elif sys.argv[1] == "garble":
    garble(sys.argv[2], sys.argv[3])
else:
    compare(sys.argv[2], sys.argv[3:] or ["diff.json", "status.json"])
