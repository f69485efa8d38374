/* a /* b */ */ copy t from stdin;
1
\.
