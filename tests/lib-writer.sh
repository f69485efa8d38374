# shellcheck shell=bash
# Sourced after lib.sh by tests of a prune: somebody who adds rows meanwhile, to the database app of the cluster main.
helpers=()
# writer_on ROWS: 100 children a second, of the station that goes, each noted in the same transaction; returns when so many
# rows are noted and some more
writer_on() {
    sql main app >/dev/null 2>&1 <<'END' &
do $$ declare r bigint; begin loop
    begin
        insert into reading (sensor, value) select id, 1 from sensor where station = 2 limit 1 returning id into r;
        if r is not null then insert into written values (r); end if;
    exception when others then null; end;
    commit; perform pg_sleep(0.01);
end loop; end $$;
END
    writer=$!; helpers+=("$writer")
    wait_for 10 bash -c "[ \"\$('$PSQL' -XAtq -h '$T/main' -U postgres -d app -c 'select count(*) > $1 + 5 from written')\" = t ]"
}
writer_off() {
    kill "$writer" 2>/dev/null; wait "$writer" 2>/dev/null
    sql main app -c "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'app' and pid <> pg_backend_pid()" >/dev/null
}
