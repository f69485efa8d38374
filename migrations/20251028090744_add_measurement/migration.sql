-- Written by the ingestion every ten minutes; seeds never touch it.
CREATE TABLE "Measurement" (
    "id" BIGSERIAL NOT NULL,
    "sensorId" INTEGER NOT NULL,
    "stationId" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "Measurement_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "Measurement_stationId_at_idx" ON "Measurement"("stationId", "at");

ALTER TABLE "Measurement" ADD CONSTRAINT "Measurement_sensorId_fkey"
    FOREIGN KEY ("sensorId") REFERENCES "Sensor"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "Measurement" ADD CONSTRAINT "Measurement_stationId_fkey"
    FOREIGN KEY ("stationId") REFERENCES "Station"("id") ON DELETE CASCADE ON UPDATE CASCADE;
