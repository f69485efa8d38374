CREATE TABLE "FeatureFlag" (
    "key" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT false,
    "description" VARCHAR(200) NOT NULL,
    "rollout" SMALLINT NOT NULL DEFAULT 100,

    CONSTRAINT "FeatureFlag_pkey" PRIMARY KEY ("key"),
    CONSTRAINT "FeatureFlag_rollout_check" CHECK ("rollout" BETWEEN 0 AND 100)
);
