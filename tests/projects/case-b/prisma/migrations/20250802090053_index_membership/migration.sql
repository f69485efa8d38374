CREATE INDEX "Membership_userId_at_idx" ON "Membership"("userId", "at");
