CREATE TABLE "Threshold" (
    "id" SERIAL NOT NULL,
    "stationId" INTEGER NOT NULL,
    "level" SMALLINT NOT NULL,
    "discharge" DECIMAL(9,3) NOT NULL,

    CONSTRAINT "Threshold_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "Threshold_level_check" CHECK ("level" BETWEEN 1 AND 5)
);

CREATE UNIQUE INDEX "Threshold_stationId_level_key" ON "Threshold"("stationId", "level");

ALTER TABLE "Threshold" ADD CONSTRAINT "Threshold_stationId_fkey"
    FOREIGN KEY ("stationId") REFERENCES "Station"("id") ON DELETE CASCADE ON UPDATE CASCADE;
