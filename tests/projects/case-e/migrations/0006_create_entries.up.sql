CREATE TABLE entries (
    id bigserial PRIMARY KEY,
    wallet_id bigint NOT NULL REFERENCES wallets ON DELETE CASCADE,
    kind entry_kind NOT NULL,
    amount numeric(18,4) NOT NULL CHECK (amount > 0),
    at timestamptz NOT NULL DEFAULT now()
);
