CREATE FUNCTION wallet_balance(wallet bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $body$
DECLARE
    total numeric;
BEGIN
    SELECT coalesce(sum(CASE kind WHEN 'debit' THEN -amount ELSE amount END), 0)
      INTO total FROM entries WHERE wallet_id = wallet;  -- a ';' in a comment
    RETURN total;
END;
$body$;
