-- The table is large in production: no lock on writers while this builds.
CREATE INDEX CONCURRENTLY entries_kind ON entries (kind);
