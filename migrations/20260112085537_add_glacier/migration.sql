CREATE TABLE "Glacier" (
    "id" SERIAL NOT NULL,
    "sgiCode" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "areaKm2" DECIMAL(8,2),

    CONSTRAINT "Glacier_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "Glacier_sgiCode_key" ON "Glacier"("sgiCode");
