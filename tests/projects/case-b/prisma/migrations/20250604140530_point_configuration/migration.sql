CREATE TYPE "PointEvent" AS ENUM ('SIGN_UP', 'ATTENDANCE', 'REFERRAL', 'DONATION');

CREATE TABLE "PointConfiguration" (
    "id" SERIAL NOT NULL,
    "event" "PointEvent" NOT NULL,
    "points" INTEGER NOT NULL,
    "expiresAfter" INTERVAL,

    CONSTRAINT "PointConfiguration_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "PointConfiguration_event_key" ON "PointConfiguration"("event");
