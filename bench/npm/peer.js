// peer.js WORK CSV TABLE: a job of bench/peers as a script of this kind is commonly written, with node-postgres or knex.
// Connection parameters come from PG* variables.
const fs = require('fs');
const { parse } = require('csv-parse/sync');
const [, , work, csv, table] = process.argv;
const rows = () => parse(fs.readFileSync(csv), { columns: true }).map(r => ({ ...r, installed_at: r.installed_at || null }));
const canonical = r => JSON.stringify([r.code, r.name, Number(r.lat), Number(r.lon), String(r.active)[0], JSON.stringify(typeof r.meta === 'string'
    ? JSON.parse(r.meta) : r.meta), r.installed_at && new Date(r.installed_at).getTime(), r.kind]);

// The whole table and the whole file in memory, compared by key.
async function diff(client) {
    const live = new Map((await client.query(`SELECT * FROM ${table}`)).rows.map(r => [r.code, canonical(r)]));
    let differ = 0;
    for (const row of rows()) {
        differ += live.get(row.code) !== canonical(row);
        live.delete(row.code);
    }
    console.log(differ + live.size);
}

// An upsert a row, all in one transaction.
async function byRow(client) {
    await client.query('BEGIN');
    for (const r of rows())
        await client.query(`INSERT INTO ${table} VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO UPDATE SET name = excluded.name,
            lat = excluded.lat, lon = excluded.lon, active = excluded.active, meta = excluded.meta, installed_at = excluded.installed_at,
            kind = excluded.kind`, [r.code, r.name, r.lat, r.lon, r.active, r.meta, r.installed_at, r.kind]);
    await client.query('COMMIT');
}

// knex: an upsert of a thousand rows a statement.
async function byThousand() {
    const knex = require('knex')({ client: 'pg', connection: { host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE } });
    const all = rows();
    await knex.transaction(async trx => {
        for (let i = 0; i < all.length; i += 1000)
            await trx(table).insert(all.slice(i, i + 1000)).onConflict('code').merge();
    });
    await knex.destroy();
}

async function main() {
    if (work === 'by-thousand')
        return byThousand();
    const client = new (require('pg').Client)();
    await client.connect();
    await (work === 'diff' ? diff : byRow)(client);
    await client.end();
}
main().catch(e => { console.error(e.message); process.exit(1); });
