CREATE INDEX "Invoice_userId_at_idx" ON "Invoice"("userId", "at");
