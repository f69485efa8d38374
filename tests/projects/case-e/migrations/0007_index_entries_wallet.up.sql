CREATE INDEX entries_wallet_at ON entries (wallet_id, at);
