CREATE TABLE fees (
    id serial PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    rate numeric(7,5) NOT NULL,
    valid tstzrange NOT NULL DEFAULT '[,)'
);
