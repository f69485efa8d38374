CREATE TYPE "Service" AS ENUM ('CHAT', 'IMAGE', 'VOICE', 'VIDEO', 'EXPORT', 'TRANSLATE', 'SUMMARY');

CREATE TABLE "ServiceCreditCost" (
    "service" "Service" NOT NULL,
    "cost" INTEGER NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "ServiceCreditCost_pkey" PRIMARY KEY ("service")
);
