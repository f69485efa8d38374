CREATE TABLE currencies (
    code char(3) PRIMARY KEY,
    name text NOT NULL,
    decimals smallint NOT NULL DEFAULT 2 CHECK (decimals BETWEEN 0 AND 4)
);
