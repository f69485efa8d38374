CREATE INDEX "Notification_userId_at_idx" ON "Notification"("userId", "at");
