CREATE TABLE "EmailTemplate" (
    "id" SERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "subject" VARCHAR(120) NOT NULL,
    "body" TEXT NOT NULL,
    "variables" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "EmailTemplate_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "EmailTemplate_slug_key" ON "EmailTemplate"("slug");
