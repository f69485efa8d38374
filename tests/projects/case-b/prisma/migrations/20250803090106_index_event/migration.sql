CREATE INDEX "Event_userId_at_idx" ON "Event"("userId", "at");
