CREATE TYPE entry_kind AS ENUM ('debit', 'credit', 'reversal');
