-- seedops:no-transaction
create unique index concurrently if not exists "I" on t (a);
