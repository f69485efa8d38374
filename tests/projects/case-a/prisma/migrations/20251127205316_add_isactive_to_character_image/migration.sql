CREATE TABLE "CharacterImage" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,

    CONSTRAINT "CharacterImage_pkey" PRIMARY KEY ("id")
);

ALTER TABLE "CharacterImage" ADD CONSTRAINT "CharacterImage_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;
