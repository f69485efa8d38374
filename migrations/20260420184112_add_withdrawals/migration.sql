CREATE TABLE "Withdrawal" (
    "id" SERIAL NOT NULL,
    "code" TEXT NOT NULL,
    "catchmentId" INTEGER NOT NULL,
    "operator" TEXT NOT NULL,
    "maxDischarge" DECIMAL(9,3) NOT NULL,
    "months" SMALLINT[] NOT NULL DEFAULT '{}',

    CONSTRAINT "Withdrawal_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "Withdrawal_code_key" ON "Withdrawal"("code");

ALTER TABLE "Withdrawal" ADD CONSTRAINT "Withdrawal_catchmentId_fkey"
    FOREIGN KEY ("catchmentId") REFERENCES "Catchment"("id") ON DELETE CASCADE ON UPDATE CASCADE;
