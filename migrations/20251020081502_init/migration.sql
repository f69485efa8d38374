-- Where water comes from: one catchment, its gauging stations.
CREATE TYPE "StationKind" AS ENUM ('LIVE', 'RESEARCH');

CREATE TABLE "Catchment" (
    "id" SERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "areaKm2" DECIMAL(10,2) NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Catchment_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "Station" (
    "id" SERIAL NOT NULL,
    "ofevCode" TEXT NOT NULL,
    "name" VARCHAR(120) NOT NULL,
    "kind" "StationKind" NOT NULL DEFAULT 'LIVE',
    "catchmentId" INTEGER NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Station_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "Catchment_slug_key" ON "Catchment"("slug");
CREATE UNIQUE INDEX "Station_ofevCode_key" ON "Station"("ofevCode");

ALTER TABLE "Station" ADD CONSTRAINT "Station_catchmentId_fkey"
    FOREIGN KEY ("catchmentId") REFERENCES "Catchment"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
