import {
  type Client,
  type Config,
  createClient,
  type InArgs,
  type InStatement,
  type Transaction,
} from '@libsql/client';
import { PrismaLibSql } from '@prisma/adapter-libsql';

/**
 * `@libsql/client` gives its connection away with every transaction and opens a new one for what follows: the old
 * one stays open until it is collected, and pragmas are lost. The adapter runs one thing at a time anyway (a mutex
 * around queries and transactions), so transactions run on the one connection here. They take the write lock at
 * once: a transaction that reads first and writes later could fail half-way where it can now wait.
 */
function singleConnection(config: Config): Client {
  const client = createClient(config);
  const execute = (stmt: InStatement) => client.execute(stmt);
  const transaction = async (): Promise<Transaction> => {
    await client.execute('BEGIN IMMEDIATE');
    let open = true;
    const end = async (how: 'COMMIT' | 'ROLLBACK') => {
      if (!open) return;
      await client.execute(how);
      open = false;
    };
    return {
      execute,
      executeMultiple: (sql) => client.executeMultiple(sql),
      batch: async (stmts) => {
        const results = [];
        for (const stmt of stmts) results.push(await execute(stmt));
        return results;
      },
      commit: () => end('COMMIT'),
      rollback: () => end('ROLLBACK'),
      close: () => void end('ROLLBACK'),
      get closed() {
        return !open;
      },
    };
  };
  return {
    execute: (stmt: InStatement | string, args?: InArgs) =>
      typeof stmt === 'string' ? client.execute(stmt, args) : client.execute(stmt),
    batch: (stmts, mode) => client.batch(stmts, mode),
    migrate: (stmts) => client.migrate(stmts),
    transaction,
    executeMultiple: (sql) => client.executeMultiple(sql),
    sync: () => client.sync(),
    reconnect: () => client.reconnect(),
    close: () => client.close(),
    get closed() {
      return client.closed;
    },
    protocol: client.protocol,
  };
}

export class SingleConnectionFactory extends PrismaLibSql {
  override createClient(config: Config): Client {
    return singleConnection(config);
  }
}
