CREATE INDEX "Attendance_userId_at_idx" ON "Attendance"("userId", "at");
