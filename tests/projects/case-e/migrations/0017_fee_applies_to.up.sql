ALTER TABLE fees ADD COLUMN applies_to entry_kind[] NOT NULL DEFAULT '{debit}';
