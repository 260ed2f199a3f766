/**
 * What one would write first: a Fastify route that reads the newest messages of an account from the same table, without
 * keys, limits, checks or a view of its own. A program: `DATABASE_URL` says where, and it prints its port.
 */
import { fastify } from 'fastify';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const app = fastify();

app.get<{ Params: { accountId: string }; Querystring: { limit: string } }>(
  '/accounts/:accountId/messages',
  async ({ params, query }) => {
    const { rows } = await pool.query(
      `select * from messages where account_id = $1 and direction = 'incoming'
       order by "timestamp" desc, seq desc limit $2`,
      [params.accountId, Number(query.limit)],
    );
    return { success: true, data: rows, count: rows.length };
  },
);

const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${address}\n`);
// Its parent is gone, or has had enough.
process.stdin.resume().on('end', () => process.exit(0));
