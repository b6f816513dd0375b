-- CreateTable
CREATE TABLE "Egress" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "label" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "endpoint" TEXT NOT NULL,
    "config" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "publicKey" TEXT,
    "expectedAddress" TEXT,
    "dns" TEXT,
    "proof" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "subscriptionId" TEXT,
    "subscriptionKey" TEXT,
    "vanishedAt" DATETIME,
    "verdict" TEXT,
    "provenAt" DATETIME,
    "verdictReason" TEXT,
    "exitAddress" TEXT,
    "country" TEXT,
    "latencyMs" REAL,
    "createdById" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Egress_subscriptionId_fkey" FOREIGN KEY ("subscriptionId") REFERENCES "EgressSubscription" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "EgressSubscription" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "label" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "origin" TEXT NOT NULL,
    "viaEgressId" TEXT,
    "everyMinutes" INTEGER NOT NULL,
    "autoApply" BOOLEAN NOT NULL DEFAULT false,
    "fetchedAt" DATETIME,
    "triedAt" DATETIME,
    "problem" TEXT,
    "pending" TEXT,
    "createdById" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "EgressSubscription_viaEgressId_fkey" FOREIGN KEY ("viaEgressId") REFERENCES "Egress" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "EgressPool" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "label" TEXT NOT NULL,
    "strategy" TEXT NOT NULL,
    "failover" BOOLEAN NOT NULL,
    "createdById" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "EgressPoolMember" (
    "poolId" TEXT NOT NULL,
    "egressId" TEXT NOT NULL,
    "position" INTEGER NOT NULL,

    PRIMARY KEY ("poolId", "egressId"),
    CONSTRAINT "EgressPoolMember_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "EgressPool" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "EgressPoolMember_egressId_fkey" FOREIGN KEY ("egressId") REFERENCES "Egress" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "EgressBinding" (
    "target" TEXT NOT NULL,
    "targetId" TEXT NOT NULL,
    "egressId" TEXT,
    "poolId" TEXT,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,

    PRIMARY KEY ("target", "targetId"),
    CONSTRAINT "EgressBinding_egressId_fkey" FOREIGN KEY ("egressId") REFERENCES "Egress" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "EgressBinding_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "EgressPool" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "NetworkPolicy" (
    "target" TEXT NOT NULL,
    "targetId" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "body" TEXT NOT NULL,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,

    PRIMARY KEY ("target", "targetId")
);

-- CreateTable
CREATE TABLE "NetworkPolicyVersion" (
    "target" TEXT NOT NULL,
    "targetId" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "body" TEXT NOT NULL,
    "at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "by" TEXT NOT NULL,
    "note" TEXT NOT NULL DEFAULT '',

    PRIMARY KEY ("target", "targetId", "version")
);

-- CreateTable
CREATE TABLE "Proof" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "sandboxId" TEXT,
    "egressId" TEXT,
    "at" DATETIME NOT NULL,
    "verdict" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
    "exitAddress" TEXT,
    "country" TEXT,
    "latencyMs" REAL,
    "body" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "EgressSample" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "egressId" TEXT NOT NULL,
    "at" DATETIME NOT NULL,
    "ok" BOOLEAN NOT NULL,
    "latencyMs" REAL,
    CONSTRAINT "EgressSample_egressId_fkey" FOREIGN KEY ("egressId") REFERENCES "Egress" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TrafficCursor" (
    "sandboxId" TEXT NOT NULL PRIMARY KEY,
    "cursor" BIGINT NOT NULL,
    "rx" BIGINT NOT NULL,
    "tx" BIGINT NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "TrafficCursor_sandboxId_fkey" FOREIGN KEY ("sandboxId") REFERENCES "Sandbox" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TrafficMinute" (
    "sandboxId" TEXT NOT NULL,
    "minute" DATETIME NOT NULL,
    "rx" BIGINT NOT NULL,
    "tx" BIGINT NOT NULL,

    PRIMARY KEY ("sandboxId", "minute"),
    CONSTRAINT "TrafficMinute_sandboxId_fkey" FOREIGN KEY ("sandboxId") REFERENCES "Sandbox" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TrafficHost" (
    "sandboxId" TEXT NOT NULL,
    "hour" DATETIME NOT NULL,
    "host" TEXT NOT NULL,
    "rule" TEXT NOT NULL,
    "verdict" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "rx" BIGINT NOT NULL,
    "tx" BIGINT NOT NULL,
    "firstAt" DATETIME NOT NULL,
    "lastAt" DATETIME NOT NULL,

    PRIMARY KEY ("sandboxId", "hour", "host", "rule", "verdict"),
    CONSTRAINT "TrafficHost_sandboxId_fkey" FOREIGN KEY ("sandboxId") REFERENCES "Sandbox" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "DnsHour" (
    "sandboxId" TEXT NOT NULL,
    "hour" DATETIME NOT NULL,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "firstAt" DATETIME NOT NULL,
    "lastAt" DATETIME NOT NULL,

    PRIMARY KEY ("sandboxId", "hour", "name", "type", "outcome"),
    CONSTRAINT "DnsHour_sandboxId_fkey" FOREIGN KEY ("sandboxId") REFERENCES "Sandbox" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Sandbox" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "workspaceId" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "driver" TEXT NOT NULL DEFAULT 'docker',
    "state" TEXT NOT NULL,
    "stateReason" TEXT,
    "desiredPower" TEXT NOT NULL DEFAULT 'running',
    "generation" INTEGER NOT NULL DEFAULT 1,
    "image" TEXT NOT NULL,
    "hostname" TEXT NOT NULL,
    "cpus" REAL NOT NULL,
    "memoryMb" INTEGER NOT NULL,
    "pids" INTEGER NOT NULL,
    "diskGb" INTEGER,
    "sudo" BOOLEAN NOT NULL DEFAULT true,
    "timezone" TEXT NOT NULL,
    "locale" TEXT NOT NULL,
    "egressId" TEXT,
    "boundBy" TEXT NOT NULL DEFAULT 'nobody',
    "poolId" TEXT,
    "fenced" BOOLEAN NOT NULL DEFAULT false,
    "networkReason" TEXT,
    "proofId" TEXT,
    "hostKey" TEXT,
    "startedAt" DATETIME,
    "lastActivityAt" DATETIME,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Sandbox_workspaceId_fkey" FOREIGN KEY ("workspaceId") REFERENCES "Workspace" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "Sandbox_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "Sandbox_egressId_fkey" FOREIGN KEY ("egressId") REFERENCES "Egress" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "Sandbox_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "EgressPool" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_Sandbox" ("cpus", "createdAt", "desiredPower", "diskGb", "driver", "generation", "hostKey", "hostname", "id", "image", "lastActivityAt", "locale", "memoryMb", "name", "ownerId", "pids", "revision", "startedAt", "state", "stateReason", "sudo", "timezone", "updatedAt", "workspaceId") SELECT "cpus", "createdAt", "desiredPower", "diskGb", "driver", "generation", "hostKey", "hostname", "id", "image", "lastActivityAt", "locale", "memoryMb", "name", "ownerId", "pids", "revision", "startedAt", "state", "stateReason", "sudo", "timezone", "updatedAt", "workspaceId" FROM "Sandbox";
DROP TABLE "Sandbox";
ALTER TABLE "new_Sandbox" RENAME TO "Sandbox";
CREATE INDEX "Sandbox_workspaceId_idx" ON "Sandbox"("workspaceId");
CREATE INDEX "Sandbox_ownerId_idx" ON "Sandbox"("ownerId");
CREATE INDEX "Sandbox_egressId_idx" ON "Sandbox"("egressId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "Egress_fingerprint_idx" ON "Egress"("fingerprint");

-- CreateIndex
CREATE UNIQUE INDEX "Egress_subscriptionId_subscriptionKey_key" ON "Egress"("subscriptionId", "subscriptionKey");

-- CreateIndex
CREATE INDEX "EgressPoolMember_egressId_idx" ON "EgressPoolMember"("egressId");

-- CreateIndex
CREATE INDEX "EgressBinding_egressId_idx" ON "EgressBinding"("egressId");

-- CreateIndex
CREATE INDEX "EgressBinding_poolId_idx" ON "EgressBinding"("poolId");

-- CreateIndex
CREATE INDEX "Proof_sandboxId_at_idx" ON "Proof"("sandboxId", "at");

-- CreateIndex
CREATE INDEX "Proof_egressId_at_idx" ON "Proof"("egressId", "at");

-- CreateIndex
CREATE INDEX "Proof_at_idx" ON "Proof"("at");

-- CreateIndex
CREATE INDEX "EgressSample_egressId_at_idx" ON "EgressSample"("egressId", "at");

-- CreateIndex
CREATE INDEX "EgressSample_at_idx" ON "EgressSample"("at");

-- CreateIndex
CREATE INDEX "TrafficMinute_minute_idx" ON "TrafficMinute"("minute");

-- CreateIndex
CREATE INDEX "TrafficHost_hour_idx" ON "TrafficHost"("hour");

-- CreateIndex
CREATE INDEX "DnsHour_hour_idx" ON "DnsHour"("hour");
