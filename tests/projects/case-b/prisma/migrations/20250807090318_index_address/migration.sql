CREATE INDEX "Address_userId_at_idx" ON "Address"("userId", "at");
