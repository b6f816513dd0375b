-- CreateTable
CREATE TABLE "WorkspaceHooks" (
    "workspaceId" TEXT NOT NULL PRIMARY KEY,
    "body" TEXT NOT NULL,
    "secrets" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "WorkspaceHooks_workspaceId_fkey" FOREIGN KEY ("workspaceId") REFERENCES "Workspace" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SessionHooks" (
    "sessionId" TEXT NOT NULL PRIMARY KEY,
    "body" TEXT NOT NULL,
    "secrets" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "updatedBy" TEXT NOT NULL,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "SessionHooks_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);
