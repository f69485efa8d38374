CREATE INDEX "Alert_state_raisedAt_idx" ON "Alert"("state", "raisedAt");
