CREATE TABLE "StationGlacier" (
    "stationId" INTEGER NOT NULL,
    "glacierId" INTEGER NOT NULL,
    "share" DECIMAL(4,3) NOT NULL DEFAULT 1,

    CONSTRAINT "StationGlacier_pkey" PRIMARY KEY ("stationId", "glacierId")
);

ALTER TABLE "StationGlacier" ADD CONSTRAINT "StationGlacier_stationId_fkey"
    FOREIGN KEY ("stationId") REFERENCES "Station"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "StationGlacier" ADD CONSTRAINT "StationGlacier_glacierId_fkey"
    FOREIGN KEY ("glacierId") REFERENCES "Glacier"("id") ON DELETE CASCADE ON UPDATE CASCADE;
