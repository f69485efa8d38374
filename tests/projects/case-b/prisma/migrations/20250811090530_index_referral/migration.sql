CREATE INDEX "Referral_userId_at_idx" ON "Referral"("userId", "at");
