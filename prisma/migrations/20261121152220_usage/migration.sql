-- CreateTable
CREATE TABLE "ApiRequest" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "at" DATETIME NOT NULL,
    "sandboxId" TEXT NOT NULL,
    "sessionId" TEXT,
    "userId" TEXT NOT NULL,
    "workspaceId" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL DEFAULT '',
    "state" TEXT NOT NULL DEFAULT 'running',
    "status" INTEGER,
    "inputTokens" INTEGER NOT NULL DEFAULT 0,
    "outputTokens" INTEGER NOT NULL DEFAULT 0,
    "cacheReadTokens" INTEGER NOT NULL DEFAULT 0,
    "cacheWriteTokens" INTEGER NOT NULL DEFAULT 0,
    "cacheWriteHourTokens" INTEGER NOT NULL DEFAULT 0,
    "costUsd" REAL NOT NULL DEFAULT 0,
    "estimated" BOOLEAN NOT NULL DEFAULT false,
    "ttftMs" REAL,
    "durationMs" REAL,
    "upstreamId" TEXT
);

-- CreateTable
CREATE TABLE "UsageDay" (
    "day" TEXT NOT NULL,
    "sandboxId" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "workspaceId" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "requests" INTEGER NOT NULL,
    "inputTokens" INTEGER NOT NULL,
    "outputTokens" INTEGER NOT NULL,
    "cacheReadTokens" INTEGER NOT NULL,
    "cacheWriteTokens" INTEGER NOT NULL,
    "cacheWriteHourTokens" INTEGER NOT NULL,
    "costUsd" REAL NOT NULL,
    "estimated" INTEGER NOT NULL,

    PRIMARY KEY ("day", "sandboxId", "userId", "workspaceId", "provider", "model")
);

-- CreateTable
CREATE TABLE "Budget" (
    "target" TEXT NOT NULL,
    "targetId" TEXT NOT NULL,
    "window" TEXT NOT NULL,
    "measure" TEXT NOT NULL,
    "limit" REAL NOT NULL,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,

    PRIMARY KEY ("target", "targetId", "window", "measure")
);

-- CreateTable
CREATE TABLE "ModelPrice" (
    "model" TEXT NOT NULL,
    "since" TEXT NOT NULL,
    "input" REAL NOT NULL,
    "output" REAL NOT NULL,
    "cacheRead" REAL NOT NULL,
    "cacheWrite" REAL NOT NULL,
    "cacheWriteHour" REAL NOT NULL,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,

    PRIMARY KEY ("model", "since")
);

-- CreateIndex
CREATE INDEX "ApiRequest_state_idx" ON "ApiRequest"("state");

-- CreateIndex
CREATE INDEX "ApiRequest_at_idx" ON "ApiRequest"("at");

-- CreateIndex
CREATE INDEX "ApiRequest_sessionId_at_idx" ON "ApiRequest"("sessionId", "at");

-- CreateIndex
CREATE INDEX "ApiRequest_sandboxId_at_idx" ON "ApiRequest"("sandboxId", "at");

-- CreateIndex
CREATE INDEX "ApiRequest_userId_at_idx" ON "ApiRequest"("userId", "at");

-- CreateIndex
CREATE INDEX "UsageDay_userId_day_idx" ON "UsageDay"("userId", "day");

-- CreateIndex
CREATE INDEX "UsageDay_workspaceId_day_idx" ON "UsageDay"("workspaceId", "day");

-- CreateIndex
CREATE INDEX "UsageDay_sandboxId_day_idx" ON "UsageDay"("sandboxId", "day");
