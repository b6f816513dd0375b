-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_PushDevice" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "subscription" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "logInId" TEXT,
    "service" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lastSentAt" DATETIME,
    "problem" TEXT,
    CONSTRAINT "PushDevice_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "PushDevice_logInId_fkey" FOREIGN KEY ("logInId") REFERENCES "AuthSession" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "new_PushDevice" ("createdAt", "fingerprint", "id", "label", "lastSentAt", "problem", "service", "subscription", "userId") SELECT "createdAt", "fingerprint", "id", "label", "lastSentAt", "problem", "service", "subscription", "userId" FROM "PushDevice";
DROP TABLE "PushDevice";
ALTER TABLE "new_PushDevice" RENAME TO "PushDevice";
CREATE UNIQUE INDEX "PushDevice_fingerprint_key" ON "PushDevice"("fingerprint");
CREATE INDEX "PushDevice_userId_idx" ON "PushDevice"("userId");
CREATE TABLE "new_Session" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "sandboxId" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "workdir" TEXT NOT NULL,
    "permissionMode" TEXT NOT NULL DEFAULT 'bypassPermissions',
    "state" TEXT NOT NULL DEFAULT 'starting',
    "exitCode" INTEGER,
    "endReason" TEXT,
    "createdById" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lastActivityAt" DATETIME,
    "endedAt" DATETIME,
    "model" TEXT,
    "effort" TEXT,
    "providerId" TEXT,
    "resumeFrom" TEXT,
    "optionsPending" BOOLEAN NOT NULL DEFAULT false,
    "liveStatus" TEXT,
    "live" TEXT,
    CONSTRAINT "Session_sandboxId_fkey" FOREIGN KEY ("sandboxId") REFERENCES "Sandbox" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "new_Session" ("createdAt", "createdById", "effort", "endReason", "endedAt", "exitCode", "id", "kind", "lastActivityAt", "live", "liveStatus", "model", "name", "permissionMode", "providerId", "resumeFrom", "sandboxId", "state", "workdir") SELECT "createdAt", "createdById", "effort", "endReason", "endedAt", "exitCode", "id", "kind", "lastActivityAt", "live", "liveStatus", "model", "name", "permissionMode", "providerId", "resumeFrom", "sandboxId", "state", "workdir" FROM "Session";
DROP TABLE "Session";
ALTER TABLE "new_Session" RENAME TO "Session";
CREATE INDEX "Session_sandboxId_idx" ON "Session"("sandboxId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
