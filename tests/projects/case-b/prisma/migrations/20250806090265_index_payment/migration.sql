CREATE INDEX "Payment_userId_at_idx" ON "Payment"("userId", "at");
