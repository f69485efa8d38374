ALTER TABLE wallets ADD CONSTRAINT wallets_account_currency UNIQUE (account_id, currency);
