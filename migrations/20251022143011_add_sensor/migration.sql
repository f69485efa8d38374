CREATE TYPE "SensorType" AS ENUM ('LEVEL', 'DISCHARGE', 'TEMPERATURE', 'TURBIDITY');

CREATE TABLE "Sensor" (
    "id" SERIAL NOT NULL,
    "stationId" INTEGER NOT NULL,
    "type" "SensorType" NOT NULL,
    "unit" VARCHAR(12) NOT NULL,
    "active" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "Sensor_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "Sensor_stationId_type_key" ON "Sensor"("stationId", "type");

ALTER TABLE "Sensor" ADD CONSTRAINT "Sensor_stationId_fkey"
    FOREIGN KEY ("stationId") REFERENCES "Station"("id") ON DELETE CASCADE ON UPDATE CASCADE;
