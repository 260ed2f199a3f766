# Switchboard with everything it brings up itself: PostgreSQL comes with npm, Chromium and Redis from Debian.
#
#   docker build -t switchboard .
#   docker run -d --name switchboard --restart unless-stopped --stop-timeout 60 --shm-size 2g \
#     -p 127.0.0.1:3000:3000 -v switchboard:/data switchboard
#   docker exec -it switchboard node src/cli/main.ts link
#
# /data holds the accounts, their sealed sessions, their messages and the generated keys. NODE_ENV is not set: with
# `-e NODE_ENV=production` the daemon asks for an ENCRYPTION_KEY of your own. Sessions are opened in /dev/shm if there is
# room: `--shm-size 2g` for ten of them.
FROM node:24-bookworm-slim

# The browser follows Debian's security updates, so no version is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates chromium-headless-shell redis-server tini \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /app

COPY package.json package-lock.json .npmrc ./
# The image has Node 24 already: the one that npm brings along is left out.
RUN npm ci --omit=dev --include=optional --loglevel=error \
  && rm -rf node_modules/node-linux-* node_modules/.bin/node \
  && npm cache clean --force

# Owned by root: the daemon cannot change its own code.
COPY . .

RUN install -d -m 0700 -o node -g node /data
USER node
VOLUME /data

# HOST: inside a container the loopback address would be out of everybody's reach; publish the port to 127.0.0.1.
# CHROME_EXTRA_ARGS: the container is the sandbox, since its seccomp profile does not let Chromium make one.
ENV HOST=0.0.0.0 \
  PORT=3000 \
  DATA_PATH=/data \
  WHATSAPP_SESSION_PATH=/data/sessions \
  LOG_DIR=/data/logs \
  CHROME_EXTRA_ARGS=--no-sandbox
EXPOSE 3000

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "scripts/health-check.mjs"]

# tini collects the processes that browsers leave behind and hands signals on.
ENTRYPOINT ["tini", "--"]
CMD ["node", "--max-semi-space-size=4", "src/main.ts"]
