CREATE TABLE wallets (
    id bigserial PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    currency char(3) NOT NULL REFERENCES currencies (code),
    balance numeric(18,4) NOT NULL DEFAULT 0
);
