create table t (a text default E'\';');
-- c
select $x$ ; $x$;