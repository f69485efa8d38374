CREATE TABLE countries (
    code char(2) PRIMARY KEY,
    name text NOT NULL,
    currency char(3) NOT NULL REFERENCES currencies (code)
);
