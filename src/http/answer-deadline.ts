import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import { AppError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { errorToBody } from './error-answer.ts';
import type { HttpApp } from './typed-fastify.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How long its answer may take once its body has come, in milliseconds. */
    answerWithinMs?: number;
  }
}

/**
 * Gives up every answer that takes longer than its route allows, because the database hangs for instance: it is 503, or cut
 * off where it has begun. What the handler does goes on, and its own answer is dropped. A body may take its time to come,
 * except where the handler itself reads it. (Fastify's `handlerTimeout` is over once a body has come.) Call it before any
 * other hook is added.
 */
export function limitAnswers(app: HttpApp, ms: number, log: Logger): void {
  const timers = new WeakMap<FastifyReply, NodeJS.Timeout>();
  const begun = new WeakSet<FastifyReply>();
  const stop = (reply: FastifyReply) => clearTimeout(timers.get(reply));
  const start = (reply: FastifyReply) => {
    const { answerWithinMs = ms } = reply.routeOptions.config;
    const late = () => {
      if (reply.sent) return;
      if (begun.has(reply)) reply.raw.destroy();
      else refuse(reply);
      log.warn('An answer was given up', {
        requestId: reply.request.id,
        method: reply.request.method,
        route: reply.routeOptions.url,
        afterMs: answerWithinMs,
      });
    };
    timers.set(reply, setTimeout(late, answerWithinMs));
  };
  app.addHook('onRequest', (_request, reply, done) => {
    reply.raw.once('close', () => stop(reply));
    start(reply);
    done();
  });
  app.addHook('preParsing', (_request, reply, payload, done) => {
    stop(reply);
    done(null, payload);
  });
  app.addHook('preValidation', (_request, reply, done) => {
    start(reply);
    done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    begun.add(reply);
    done(null, payload);
  });
}

/** Takes the reply out of Fastify's hands, at once: the handler may come to its own answer in any moment. */
function refuse(reply: FastifyReply): void {
  reply.hijack();
  const error = new AppError('UNAVAILABLE');
  const body = JSON.stringify(errorToBody(error, reply.request.id));
  for (const name of ['content-length', 'content-disposition']) reply.removeHeader(name);
  reply.raw
    .writeHead(error.status, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'application/json; charset=utf-8',
    })
    .end(body);
}
