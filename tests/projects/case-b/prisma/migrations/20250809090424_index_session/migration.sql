CREATE INDEX "Session_userId_at_idx" ON "Session"("userId", "at");
