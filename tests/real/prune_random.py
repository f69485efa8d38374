#!/usr/bin/env python3
"""Random schemas with random rows through prune and restore.

An oracle of its own (rows and foreign keys as Python values) says beforehand which rows go and which change. Then:
the plan says those numbers and lists those rows and values; the prune leaves exactly the other rows, changed as foretold; a restore leaves what was
there before, to the byte; a second restore changes nothing. Many schemas go through one run, each with prefix cN.

With --action reset all rows of the declared tables go, and are seeded again; a restore then has newer rows to overwrite.

    prune_random.py --cases 500 --seed 7        (environment: SEEDOPS, PSQL as a command line, URL, WORK)
"""
import argparse
import csv
import json
import os
import random
import shlex
import subprocess
import sys

ENV = os.environ
PSQL = shlex.split(ENV['PSQL'])
ODD = ['plain', 'Mixed Case', 'with "quotes"', "it's", 'sel.ect', 'größe', 'tab\tname', '$1', 'a\\b', '%s%n']
TEXTS = ['', 'x', 'a\tb', 'line\nbreak', "quote'", 'back\\slash', '\\N', '\\.', 'Ünïcode', '{"a":1}', ' ', 'NULL', '\x7f']


def psql(sql, database=None):
    done = subprocess.run(PSQL + ['-d', database or ENV.get('DATABASE', 'random')], input=sql.encode(), capture_output=True)
    if done.returncode:
        sys.exit('psql: ' + done.stderr.decode() + '\n' + sql[:3000])
    return done.stdout.decode()


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def literal(value):
    if value is None:
        return 'NULL'
    if isinstance(value, int):
        return str(value)
    return "E'" + value.replace('\\', '\\\\').replace("'", "''").replace('\n', '\\n').replace('\t', '\\t') + "'"


SWEEP = ''.join('VACUUM pg_catalog.%s;' % name for name in (    # nobody else does, and dead rows make each batch slower
    'pg_class', 'pg_attribute', 'pg_attrdef', 'pg_constraint', 'pg_depend', 'pg_index', 'pg_inherits', 'pg_trigger', 'pg_type'))
VERSION = int(psql('SHOW server_version_num'))
OPERATIONAL = 16                                         # as many names as one command takes


class Table:
    def __init__(self, name):
        self.name, self.rows, self.payload, self.partitioned = name, [], [], None
        self.fks, self.composite, self.extra_unique = [], False, None


class Key:
    """A foreign key: child columns -> parent columns."""
    def __init__(self, name, child, parent, columns, targets, delete, update='a', deferrable=''):
        self.name, self.child, self.parent = name, child, parent
        self.default = {}                                # column -> value
        self.sets = columns                              # by ON DELETE SET NULL
        self.columns, self.targets, self.delete, self.update, self.deferrable = columns, targets, delete, update, deferrable


class Case:
    def __init__(self, number, r, reset=False):
        self.schema, self.r, self.reset = 'c%d' % number, r, reset
        self.tables, self.keys = [], []
        depth = r.randint(3, 8)
        for i in range(depth):
            table = Table('%s %d' % (r.choice(ODD), i) if r.random() < 0.4 else 't%d' % i)
            table.composite = r.random() < 0.25
            table.partitioned = r.choice([None, None, None, 'hash', 'list'])
            self.tables.append(table)
        self.tables[0].composite = False
        self.make_keys()
        self.make_rows()
        self.settle()

    # ---- schema ----
    def add_key(self, child, parent, delete):
        r, n = self.r, len(self.keys)
        targets = ['id', 'part'] if parent.composite else ['id']
        if parent.partitioned == 'list' and 'part' not in targets:
            targets = ['id', 'part']
        columns = ['f%d_%s' % (n, t) for t in targets]
        deferrable = r.choice(['', '', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED'])
        key = Key('key %d' % n if r.random() < 0.2 else 'k%d' % n, child, parent, columns, targets, delete,
                  deferrable=deferrable)
        if delete == 'n' and len(columns) == 2 and VERSION >= 150000 and r.random() < 0.5:
            key.sets = r.choice([[columns[0]], [columns[1]]])
        self.keys.append(key)
        child.fks.append(key)

    def make_keys(self):
        r, t = self.r, self.tables
        for i in range(1, len(t)):                       # a chain, so that cascades are deep
            self.add_key(t[i], t[i - 1], r.choice('cccccnd'))
        for _ in range(r.randint(0, 5)):                 # shortcuts, cycles, self references
            child, parent = r.choice(t), r.choice(t)
            self.add_key(child, parent, r.choice('cccnndarar'))
        if r.random() < 0.4:                             # a key that may become NULL, and who refers to it
            holder = self.r.choice([x for x in t if not x.partitioned and x is not t[0]] or [None])
            nullable = [k for k in holder.fks if k.delete == 'n' and len(k.columns) == 1] if holder else []
            if nullable:
                column = nullable[0].columns[0]
                holder.extra_unique = column
                child = r.choice(t)
                key = Key('k%d' % len(self.keys), child, holder, ['f%d_u' % len(self.keys)], [column], r.choice('cna'),
                          r.choice('cnd'))
                self.keys.append(key)
                child.fks.append(key)

    def make_rows(self):
        r = self.r
        for table in self.tables:
            kinds = r.sample(['text', 'int4[]', 'jsonb', 'bytea', 'int4range', 'numeric', 'timestamptz', 'float8', 'mood',
                              'mood[]', 'interval', 'xml', 'bool', 'generated', 'identity'], r.randint(0, 5))
            if self.reset and table is self.tables[0]:   # nothing sets an identity back
                kinds = [kind for kind in kinds if kind != 'identity']
            table.payload = [('p%d' % i, kind) for i, kind in enumerate(kinds)]
            for i in range(r.choice([0, 1, 3, 6, 12, 20]) if table is not self.tables[0] else r.randint(2, 12)):
                row = {'id': i + 1, 'part': r.choice(['a', 'b', 'c'])}
                for name, kind in table.payload:
                    row[name] = self.value(kind)
                table.rows.append(row)
        for key in self.keys:
            used = set()
            for row in key.child.rows:
                parents = [p for p in key.parent.rows if all(p.get(t) is not None for t in key.targets)]
                pick = r.choice(parents) if parents and r.random() < 0.85 else None
                values = [pick[t] if pick else None for t in key.targets]
                if key.child.extra_unique == key.columns[0]:
                    if values[0] in used:
                        values = [None]
                    used.add(values[0])
                row.update(zip(key.columns, values))
            if key.delete == 'd' and key.parent.rows and r.random() < 0.6:
                key.default = dict(zip(key.columns, (r.choice(key.parent.rows)[t] for t in key.targets)))

    def value(self, kind):
        r = self.r
        if r.random() < 0.2 and kind not in ('identity', 'generated'):
            return None
        return {'text': lambda: r.choice(TEXTS), 'int4[]': lambda: '{%s}' % ','.join(map(str, r.sample(range(-9, 9), 3))),
                'jsonb': lambda: json.dumps({'a': r.random(), 'b': [None, r.choice(TEXTS)]}),
                'bytea': lambda: '\\x' + bytes(r.randrange(256) for _ in range(r.randint(0, 6))).hex(),
                'int4range': lambda: r.choice(['empty', '[1,5)', '(,7)', '[3,]']), 'numeric': lambda: r.choice(['NaN', '1.500', '-0', '1e-30']),
                'timestamptz': lambda: r.choice(['infinity', '2026-03-29 01:30:00.123456+00', '0044-03-15 12:00:00+00 BC']),
                'float8': lambda: r.choice(['0.1', '-Infinity', 'NaN', '1e-307', '0.30000000000000004']),
                'mood': lambda: r.choice(['sad', "o'k", 'very happy']), 'mood[]': lambda: '{sad,"very happy",NULL}',
                'interval': lambda: r.choice(['1 mon -2 days', '-00:00:01.5', '1 year']), 'xml': lambda: '<a>b</a>',
                'bool': lambda: r.choice(['t', 'f']), 'generated': lambda: None, 'identity': lambda: r.randint(1, 10 ** 6)}[kind]()

    # ---- the oracle ----
    def refers(self, key, parent, changed_from=None):
        for row in key.child.rows:
            if all(row[c] is not None and row[c] == parent[t] for c, t in zip(key.columns, key.targets)):
                yield row

    def walk(self):
        """doomed: {row: (table, row)}; changes: {row: (table, row, {column: new})}; blockers: [key];
        lines: {(table, row, column, was, new)}, one for each key that changes it"""
        doomed = {id(row): (self.tables[0], row) for row in self.tables[0].rows
                  if self.reset or row['id'] not in self.declared}
        queue = list(doomed.values())
        while queue:
            table, row = queue.pop()
            for key in self.keys:
                if key.parent is table and key.delete == 'c':
                    for child in self.refers(key, row):
                        if id(child) not in doomed:
                            doomed[id(child)] = (key.child, child)
                            queue.append((key.child, child))
        changes, blockers, by_key, lines = {}, [], {}, []

        def change(key, child, columns, new):
            by_key.setdefault(key.name, set()).add(id(child))
            changes.setdefault(id(child), (key.child, child, {}))[2].update({c: new.get(c) for c in columns})
            for column in columns:
                line = (key.child, child, column, child[column], new.get(column), key.name)
                if line not in lines:
                    lines.append(line)
        for table, row in list(doomed.values()):
            for key in self.keys:
                if key.parent is table and key.delete != 'c':
                    for child in self.refers(key, row):
                        if id(child) in doomed:
                            continue
                        if key.delete in 'ar':
                            blockers.append(key)
                            continue
                        change(key, child, key.sets if key.delete == 'n' else key.columns, key.default if key.delete == 'd' else {})
        for _, row, columns in list(changes.values()):    # one step of ON UPDATE, all that the generator makes
            for key in self.keys:
                if key.targets[0] in columns and key.parent.extra_unique == key.targets[0]:
                    for child in self.refers(key, row):
                        if id(child) in doomed:
                            continue
                        change(key, child, key.columns, {})
        return doomed, changes, blockers, by_key, lines

    def settle(self):
        """Chooses what is declared; turns what would be in the way into cascades, until nothing is."""
        ids = [row['id'] for row in self.tables[0].rows]
        self.declared = set(self.r.sample(ids, self.r.randint(1, len(ids))))
        while True:
            self.doomed, self.changes, blockers, self.by_key, self.lines = self.walk()
            doubtful = [k for k in blockers]
            # a chain of ON UPDATE longer than the oracle follows, or one row changed twice by two keys of one column
            for key in self.keys:
                if key.parent.extra_unique and key.targets == [key.parent.extra_unique] and key.child.extra_unique:
                    doubtful.append(key)
            if not doubtful and not self.drop_defaults():
                return
            for key in doubtful:
                key.delete = 'c'
                key.update = 'c'
                if key.targets == [key.parent.extra_unique] and key in self.keys:
                    self.keys = [k for k in self.keys if k is not key]
                    key.child.fks.remove(key)
                    for row in key.child.rows:
                        for column in key.columns:
                            row.pop(column, None)

    def drop_defaults(self):
        """True if there were some that lead to rows that go."""
        dropped = False
        for key in self.keys:
            parents = [p for p in key.parent.rows if id(p) not in self.doomed]
            wanted = [key.default.get(c) for c in key.columns]
            if key.default and not any([p[t] for t in key.targets] == wanted for p in parents):
                key.default, dropped = {}, True
        return dropped

    # ---- SQL ----
    def columns(self, table):
        names = ['id', 'part'] + [c for key in table.fks for c in key.columns]
        return names + [name for name, kind in table.payload if kind != 'generated']

    def create(self):
        s, out = ident(self.schema), []
        out.append('DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; CREATE TYPE %s.mood AS ENUM (\'sad\', \'o\'\'k\', \'very happy\');' % (s, s, s))
        for table in self.tables:
            columns = ['id int NOT NULL', 'part text NOT NULL']
            for key in table.fks:
                kinds = {'id': 'int', 'part': 'text'}
                columns += ['%s %s%s' % (ident(c), kinds.get(t, 'int'),
                                         ' DEFAULT ' + literal(key.default[c]) if c in key.default else '')
                            for c, t in zip(key.columns, key.targets)]
            for name, kind in table.payload:
                if kind == 'generated':
                    columns.append('%s text GENERATED ALWAYS AS (part || \'!\') STORED' % name)
                elif kind == 'identity':
                    columns.append('%s int GENERATED ALWAYS AS IDENTITY' % name if not table.partitioned else '%s int' % name)
                else:
                    columns.append('%s %s' % (name, kind.replace('mood', s + '.mood')))
            primary = 'id, part' if table.composite or table.partitioned == 'list' else 'id'
            columns.append('PRIMARY KEY (%s)' % primary)
            if table.extra_unique:
                columns.append('UNIQUE (%s)' % ident(table.extra_unique))
            full = s + '.' + ident(table.name)
            if table.partitioned == 'hash':
                out.append('CREATE TABLE %s (%s) PARTITION BY HASH (id);' % (full, ', '.join(columns)))
                for m in range(3):
                    out.append('CREATE TABLE %s.%s PARTITION OF %s FOR VALUES WITH (MODULUS 3, REMAINDER %d);' % (
                        s, ident('%s/%d' % (table.name, m)), full, m))
            elif table.partitioned == 'list':
                out.append('CREATE TABLE %s (%s) PARTITION BY LIST (part);' % (full, ', '.join(columns)))
                out.append('CREATE TABLE %s.%s PARTITION OF %s FOR VALUES IN (\'a\');' % (s, ident(table.name + '/a'), full))
                out.append('CREATE TABLE %s.%s PARTITION OF %s DEFAULT;' % (s, ident(table.name + '/rest'), full))
            else:
                out.append('CREATE TABLE %s (%s);' % (full, ', '.join(columns)))
        for table in self.tables:
            names = self.columns(table)
            if table.rows:
                out.append('INSERT INTO %s.%s (%s) OVERRIDING SYSTEM VALUE VALUES %s;' % (
                    s, ident(table.name), ', '.join(map(ident, names)),
                    ', '.join('(%s)' % ', '.join(literal(row[n]) for n in names) for row in table.rows)))
        actions = {'c': 'CASCADE', 'n': 'SET NULL', 'd': 'SET DEFAULT', 'a': 'NO ACTION', 'r': 'RESTRICT'}
        for key in self.keys:
            some = ' (%s)' % ', '.join(map(ident, key.sets)) if key.delete == 'n' and key.sets != key.columns else ''
            out.append('ALTER TABLE %s.%s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s.%s (%s) ON DELETE %s%s ON UPDATE %s%s;' % (
                s, ident(key.child.name), ident(key.name), ', '.join(map(ident, key.columns)), s, ident(key.parent.name),
                ', '.join(map(ident, key.targets)), actions[key.delete], some, actions[key.update], key.deferrable))
        return '\n'.join(out)

    def dump(self):
        s = ident(self.schema)
        return ''.join('COPY (SELECT %s, %s, t.id, t.part, row_to_json(t), t::text FROM %s.%s t ORDER BY 3, 4) TO STDOUT;\n' % (
            literal(self.schema), i, s, ident(table.name)) for i, table in enumerate(self.tables))

    def fixture(self):
        table = self.tables[0]
        key = ['id', 'part'] if table.partitioned == 'list' else ['id']
        names = ['id', 'part'] if self.reset else key
        rows = ''.join('  - {%s}\n' % ', '.join('%s: "%s"' % (k, row[k]) for k in names)
                       for row in table.rows if row['id'] in self.declared)
        return 'table: %s\nkey: [%s]\nprune: true\nrows:\n%s' % (
            json.dumps('%s.%s' % (self.schema, table.name)), ', '.join(key), rows)


def full_names(case):
    return ['%s.%s' % (case.schema, t.name) for t in case.tables]


def run(work, *args):
    done = subprocess.run([ENV['SEEDOPS'], *args], cwd=work, capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def parse(text):
    """{(schema, table index): {(id, part): (json, raw)}}"""
    out = {}
    for line in text.splitlines():
        schema, table, row_id, part, document, raw = line.split('\t')
        out.setdefault((schema, int(table)), {})[(int(row_id), part)] = (document, raw)
    return out


def unescape(text):
    return json.loads(text.replace('\\\\', '\\'))


class Failure(Exception):
    pass


def expect(condition, *what):
    if not condition:
        raise Failure(' '.join(map(str, what)))


def compare_plan(cases, plan):
    said = {}
    for step in plan['steps']:
        if step['action'] in ('delete', 'cascade'):
            said[step['object']] = said.get(step['object'], 0) + step['rows']
        expect(step['action'] != 'blocked', 'blocked:', step)
    for case in cases:
        for table in case.tables:
            count = sum(1 for t, _ in case.doomed.values() if t is table)
            name = '%s.%s' % (case.schema, table.name)
            expect(said.get(name, 0) == count, 'the plan says', said.get(name, 0), 'rows of', name, 'go; the oracle', count)
        changed = {}
        for step in plan['steps']:
            if step['action'] in ('set null', 'set default', 'update') and step['object'].startswith(case.schema + '.'):
                changed.setdefault(step['detail'][3:].split(',')[0].split(';')[0], 0)
                changed[step['detail'][3:].split(',')[0].split(';')[0]] += step['rows']
        wanted = {name: len(rows) for name, rows in case.by_key.items()}
        expect(changed == wanted, case.schema, 'the plan changes', changed, 'the oracle', wanted)


def listed_key(table, row):
    return '%d \u00b7 %s' % (row['id'], row['part']) if table.composite or table.partitioned == 'list' else str(row['id'])


def shown(value):
    return 'NULL' if value is None else 'DEFAULT %d' % value if isinstance(value, int) else "DEFAULT '%s'::text" % value


def compare_list(cases, path):
    """Every row that goes, and every value that changes, by name."""
    with open(path, newline='') as file:
        lines = list(csv.DictReader(file))
    listed = sorted((l['table'], l['key'], l['column'], l['was'], l['becomes']) for l in lines)
    wanted = []
    for case in cases:
        for table, row in case.doomed.values():
            wanted.append(('%s.%s' % (case.schema, table.name), listed_key(table, row), '', '', ''))
        for table, row, column, was, new, _ in case.lines:
            wanted.append(('%s.%s' % (case.schema, table.name), listed_key(table, row), column, str(was), shown(new)))
    wanted.sort()
    if listed != wanted:
        raise Failure('the list has %s, and lacks %s' % ([l for l in listed if l not in wanted][:5],
                                                          [w for w in wanted if w not in listed][:5]))


def compare_after(cases, before, after):
    for case in cases:
        doomed = {(case.tables.index(t), row['id'], row['part']) for t, row in case.doomed.values()}
        changes = {(case.tables.index(t), row['id'], row['part']): columns for t, row, columns in case.changes.values()}
        for i, table in enumerate(case.tables):
            if case.reset and i == 0:                    # seeded again: the restore has to do with it
                continue
            was, now = before.get((case.schema, i), {}), after.get((case.schema, i), {})
            left = {k for k in was if (i, *k) not in doomed}
            expect(set(now) == left, case.schema, table.name, 'has', sorted(set(now) ^ left), 'too many or too few')
            for place in left:
                if (i, *place) not in changes:
                    expect(now[place][1] == was[place][1], case.schema, table.name, place, 'changed')
                    continue
                wanted = unescape(was[place][0])
                wanted.update(changes[(i, *place)])
                expect(unescape(now[place][0]) == wanted, case.schema, table.name, place, 'is', now[place][0], 'not', wanted)


def project(work, cases):
    os.makedirs(work + '/seeds')
    names = [n for c in cases for n in full_names(c)]
    # some tables at the ends are the application's: their rows are counted and saved in bulk
    operational = ['%s.%s' % (c.schema, t.name) for c in cases for t in c.tables[1:] if not any(k.parent is t for k in c.keys)]
    operational = operational[:OPERATIONAL]
    with open(work + '/seedops.yaml', 'w') as out:
        out.write('version: 1\nseeds: seeds\nenvironments:\n  local: {url: %s}\ntables:\n' % json.dumps(ENV['URL']))
        for name in names:
            out.write('  %s: {class: %s}\n' % (json.dumps(name), 'operational' if name in operational else 'context'))
    for case in cases:
        with open('%s/seeds/%s.yaml' % (work, case.schema), 'w') as out:
            out.write(case.fixture())
    return [word for name in operational for word in ('--confirm-operational', name)]


def batch(first, count, seed, action):
    cases = [Case(n, random.Random('%d/%d' % (seed, n)), action == 'reset') for n in range(first, first + count)]
    work = '%s/%s%d' % (ENV['WORK'], action, first)
    names = project(work, cases)
    psql('BEGIN;' + '\n'.join(c.create() for c in cases) + 'COMMIT;')
    dump = ''.join(c.dump() for c in cases)
    before_text = psql(dump)
    before = parse(before_text)
    code, out, err = run(work, action, 'local', '--json', '--confirm', 'local', '--output', work + '/rows.csv', *names)
    expect(code == 0, action + ':', code, err, out[:2000])
    result = json.loads(out)
    compare_plan(cases, result['plan'])
    compare_list(cases, work + '/rows.csv')
    compare_after(cases, before, parse(psql(dump)))
    if result['applied'] and not ENV.get('NO_RESTORE'):
        for again in (False, True):
            newer = ['--changed', 'overwrite'] if action == 'reset' else []
            code, out, err = run(work, 'restore', 'local', result['safepoint'], '--confirm', 'local', '--json', *newer)
            expect(code == 0, 'restore:', code, err, out[:2000])
            expect(psql(dump) == before_text, 'a restore' if not again else 'a second restore', 'left other rows than there were')
            expect(again != json.loads(out)['applied'], 'applied:', json.loads(out)['applied'], 'again:', again)
    psql(''.join('DROP SCHEMA %s CASCADE;' % ident(c.schema) for c in cases) + SWEEP)
    return (len(cases), sum(len(c.doomed) for c in cases), sum(len(c.changes) for c in cases),
            sum(new is not None for c in cases for *_, new, _ in c.lines))


def narrow(first, count, seed, action):
    """The first case that fails by itself."""
    for n in range(first, first + count):
        psql('DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname ~ \'^c[0-9]\' LOOP '
             'EXECUTE \'DROP SCHEMA \' || quote_ident(s) || \' CASCADE\'; END LOOP; END $$;')
        subprocess.run(['rm', '-rf', '%s/%s%d' % (ENV['WORK'], action, n)], check=True)
        try:
            batch(n, 1, seed, action)
        except Failure as failure:
            return '--first %d --cases 1 --seed %d --action %s: %s' % (n, seed, action, failure)
    return 'only together'


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--cases', type=int, default=500)
    options.add_argument('--seed', type=int, default=random.randrange(10 ** 6))
    options.add_argument('--first', type=int, default=0)
    options.add_argument('--batch', type=int, default=25)
    options.add_argument('--action', choices=['prune', 'reset'], default='prune')
    args = options.parse_args()
    cases = doomed = changed = defaults = 0
    print('# seed', args.seed, flush=True)
    for first in range(args.first, args.first + args.cases, args.batch):
        count = min(args.batch, args.first + args.cases - first)
        try:
            done = batch(first, count, args.seed, args.action)
        except Failure as failure:
            print('# batch of', first, 'seed', args.seed, ':', failure)
            if count > 1:
                print('#', narrow(first, count, args.seed, args.action))
            sys.exit(1)
        cases, doomed, changed, defaults = cases + done[0], doomed + done[1], changed + done[2], defaults + done[3]
    print('# %d cases: %d rows went, %d changed, %d values to a default' % (cases, doomed, changed, defaults))
    if args.cases >= 100 and args.action == 'prune' and not (doomed > cases and changed > cases / 10 and defaults >= cases // 100):
        sys.exit('# hardly anything happened: the generator is at fault')


main()
