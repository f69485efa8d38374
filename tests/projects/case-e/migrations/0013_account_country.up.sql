ALTER TABLE accounts ADD COLUMN country char(2) REFERENCES countries (code);
