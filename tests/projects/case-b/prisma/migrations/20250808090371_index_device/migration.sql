CREATE INDEX "Device_userId_at_idx" ON "Device"("userId", "at");
