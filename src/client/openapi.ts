/**
 * What the HTTP API takes and answers. Made from the OpenAPI document by: npm run generate:client
 * document 82a4c0562bf42cfd5b1479e6f528d169dd303283cab84228dca061928a909e4e
 * types cb6056f7ca64294edcafa97bd14a42e8cf2fdb611eae336e1a16b013ee860f52
 */

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process is alive */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Database and queue answer, and the instance may run sessions
         * @description It does not wait for WhatsApp sessions. What is not ready is named: `database`, `queue`, or `lease` while the lease of the instance has lapsed, because it could not renew it, and its sessions are stopped until it can.
         */
        get: operations["getReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Figures for Prometheus
         * @description Of this instance and all tenants, for owners and admins of tenant `default` alone; no figure names an account. A gauge whose store is away is left out. `API_RATE_LIMIT` does not apply.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Accounts of the tenant, oldest first; agents and viewers see those that they were granted */
        get: operations["listAccounts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One account */
        get: operations["getAccount"];
        put?: never;
        post?: never;
        /**
         * Disconnect and delete an account
         * @description What waits to be sent is cancelled, and what was handed over and not confirmed is `unknown`; both are told as any other step of a message. Its messages are kept, and can still be read by their id, unless `purge` is true.
         */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        /** Change what is given and nothing else */
        patch: operations["changeAccount"];
        trace?: never;
    };
    "/api/v1/whatsapp/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Create an account and start to link it */
        post: operations["connect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/qr-code/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The QR code to scan
         * @description It is replaced before it expires while somebody waits. With `Accept: image/png`, `image/svg+xml` or `text/plain` (for a terminal) the answer is just that, and 404 until there is a code. Once linking was given up, for whatever reason, it is 400 `QR_EXPIRED`, and the message says why and what to do. An account that was created with `pairing: "code"` has none: see `/pairing-code`.
         */
        get: operations["getQrCode"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/pairing-code/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The code to type on the phone
         * @description For accounts that were created with `pairing: "code"`. On the phone: Settings, Linked devices, Link a device, Link with phone number instead. It is replaced before it expires while somebody waits. Once linking was given up, for whatever reason, it is 400 `QR_EXPIRED`, and the message says why and what to do.
         */
        get: operations["getPairingCode"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/health/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the connection of an account is */
        get: operations["getAccountHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/reconnect/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start the session again
         * @description A linked account keeps its link; after a logout or a disconnect there is a new code.
         */
        post: operations["reconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/disconnect/{accountId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Log out and forget the link
         * @description May be called again; messages stay.
         */
        post: operations["disconnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages of an account, newest first
         * @description Every condition that is given must hold. Pages stay as they are while messages come in.
         */
        get: operations["listMessages"];
        put?: never;
        /**
         * Send a message
         * @description Once accepted the message is safe: it is sent when the account is connected, and its `status` tells how far it came. 409 only while the account is Disconnected, Failed or was never linked. A message that finds the account's daily limit used up is refused with 429 DAILY_LIMIT_EXCEEDED, and nothing of it is kept; Retry-After counts the seconds to midnight in the time zone of the account. With `onLimit: "defer"` it is kept as `deferred` instead, and leaves on the next day that has room, in the order of acceptance.
         */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/messages/bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send up to 1,000 messages
         * @description Each item is the body of a single send, may carry an `idempotencyKey` of its own, and is accepted or rejected by itself: one that is wrong, or that finds the daily limit used up, leaves the others alone. Messages of one chat leave in the order of their items. Files by `url` are fetched for 90 seconds in all; an item whose file is not here by then is rejected with UNAVAILABLE: ask again with the same key. With the header Idempotency-Key the same body is answered with the same results; after a crash, or where an item met a fault that may pass, the same request accepts what is missing and nothing twice. The request as a whole is refused only if it is not valid itself, if its account may send nothing, or if nothing could be accepted for a fault inside.
         */
        post: operations["sendMessages"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/campaigns": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Campaigns of an account, newest first */
        get: operations["listCampaigns"];
        put?: never;
        /**
         * Create a campaign of up to 1,000 messages, which begins at once
         * @description Its items become messages in their order, a few at a time, while the account is connected: other messages of the account leave between them. While it is not, or its daily limit is used up, the campaign waits, and it goes no faster than the limit per minute: `waitsFor` tells. With the header Idempotency-Key the same body creates one campaign.
         */
        post: operations["createCampaign"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/campaigns/{campaignId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One campaign, with its progress */
        get: operations["getCampaign"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/campaigns/{campaignId}/items": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Items of a campaign, in their order */
        get: operations["listCampaignItems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/campaigns/{campaignId}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a campaign
         * @description From the answer on no further item is accepted; the few messages that were accepted and wait to be handed to WhatsApp still leave. One that has ended answers 409 CAMPAIGN_ENDED.
         */
        post: operations["pauseCampaign"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/campaigns/{campaignId}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a paused campaign go on
         * @description Where it was paused. One that has ended answers 409 CAMPAIGN_ENDED.
         */
        post: operations["resumeCampaign"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/campaigns/{campaignId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a campaign
         * @description Items that wait, and messages that were not handed to WhatsApp, are cancelled; what was handed over stays. One that has ended answers 409 CAMPAIGN_ENDED.
         */
        post: operations["cancelCampaign"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/messages/{messageId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One message */
        get: operations["getMessage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/messages/{messageId}/reaction": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * React to a message, or take the reaction back
         * @description Answers once the linked phone has given it to WhatsApp. An account has one reaction to a message, the latest, so the request may be repeated. It counts to no limit. 409 `ACCOUNT_NOT_CONNECTED` while the account is not connected, `MESSAGE_NOT_REACTABLE` if the message was never sent, was deleted, or is not on the phone any more.
         */
        post: operations["reactToMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/chats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Chats of an account, the latest message first
         * @description People and groups. A person is one chat, whichever of the two addresses (phone number, LID) WhatsApp uses. Names and counts are read from the linked phone when it connects and while messages come in.
         */
        get: operations["listChats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/contacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Contacts of an account, in the order of their ids
         * @description Everybody whom the linked phone knows: its address book, and who wrote or is in a group with it. Each person once, by phone number where it is known.
         */
        get: operations["listContacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/messages/{messageId}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a message that waits
         * @description One that is `deferred`, or `pending` and not handed to WhatsApp yet (`handedAt` is null). Its place in the daily limit is free again. Every other message answers 409 MESSAGE_NOT_CANCELLABLE.
         */
        post: operations["cancelMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand in a file to be sent
         * @description One part named `file`, of at most 100 MB, and nothing else. Its `mediaId` can be sent any number of times.
         */
        post: operations["uploadMedia"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/messages/{messageId}/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The file of a message
         * @description 404 while it is not stored yet, and if it is not to be had.
         */
        get: operations["getMessageMedia"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What an account sent and received each day, newest first
         * @description Every date from the account's creation to today is there, those without traffic with zeros. Days begin at midnight of the time zone that the account had then.
         */
        get: operations["listUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What holds for all accounts of the tenant */
        get: operations["getSettings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change what is given and nothing else */
        patch: operations["changeSettings"];
        trace?: never;
    };
    "/api/v1/whatsapp/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** API keys of the tenant that were not revoked, oldest first */
        get: operations["listKeys"];
        put?: never;
        /**
         * Make an API key
         * @description The answer holds the key itself, this once. Nobody makes a key that may do more than who asks, or that lasts longer, and only owners make keys of owners: 403.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/keys/{keyId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key at once
         * @description At every instance, also for open Socket.IO connections, with all that was granted to it. Only owners revoke keys of owners: 403. The last key of an owner that can manage the tenant, without expiry if there is one, stays: 409 `LAST_OWNER_KEY`.
         */
        delete: operations["revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/grants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * To whom the account was granted, oldest first
         * @description Owners and admins use every account of their tenant without a grant.
         */
        get: operations["listGrants"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/grants/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Let an agent or viewer use the account
         * @description May be called again. Whether there is such a user is not asked: the host application knows.
         */
        put: operations["grantAccount"];
        post?: never;
        /**
         * End that, also for open Socket.IO connections
         * @description May be called again. Whether there is such a user is not asked: the host application knows.
         */
        delete: operations["revokeGrant"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Changes of the tenant, newest first: who, what and from where
         * @description Every request that changed something, written before it was answered. Entries are never changed nor deleted. Every condition that is given must hold.
         */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Webhooks of the tenant, oldest first */
        get: operations["listWebhooks"];
        put?: never;
        /**
         * Subscribe an endpoint to events, from now on
         * @description A tenant may have 100: one more is refused with TOO_MANY_WEBHOOKS. The answer holds the secret, this once. Requests are signed in the Standard Webhooks scheme; whatever is not answered with 2xx is sent again for 24 hours. See docs/webhooks.md.
         */
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A webhook */
        get: operations["getWebhook"];
        put?: never;
        post?: never;
        /** End a subscription, with all that waits for it */
        delete: operations["deleteWebhook"];
        options?: never;
        head?: never;
        /** Change a webhook, disable or enable it */
        patch: operations["changeWebhook"];
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace the secret
         * @description The one before signs each request as well for 24 hours, so that consumers have time to change over, and so do those before it until their own 24 hours are over, as long as they are among the newest five: a rotation whose answer was lost can be repeated.
         */
        post: operations["rotateWebhookSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What was delivered, what waits, and dead letters, newest first
         * @description What was delivered is kept for 7 days, dead letters for 30.
         */
        get: operations["listWebhookDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an event again, whatever became of it
         * @description Under the same id, with the same body, as if it had never been tried.
         */
        post: operations["redeliver"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send the dead letters of a time again
         * @description Those that were written down (`createdAt`) in that time; in order within each chat.
         */
        post: operations["redeliverRange"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/webhooks/{webhookId}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a ping
         * @description An event of type `ping`, signed and delivered as any other; its outcome is among the deliveries.
         */
        post: operations["testWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/vault/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Open every copy of every sealed session, without writing anything
         * @description One JSON document a line, each as soon as its copy is done: `{"total": <accounts>}` first, then the
         *     copies, at the end `{"summary": {accounts, copies, outcomes}}`; or, if it cannot go on, an error as elsewhere. It stops when
         *     the client goes away. Without `accountId` it is about every account of the tenant.
         */
        post: operations["verifyVault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/vault/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Wrap every copy anew that is not wrapped by the current ENCRYPTION_KEY
         * @description One JSON document a line, each as soon as its copy is done: `{"total": <accounts>}` first, then the
         *     copies, at the end `{"summary": {accounts, copies, outcomes}}`; or, if it cannot go on, an error as elsewhere. It stops when
         *     the client goes away. Without `accountId` it is about every account of the tenant. For the owner of the tenant `default` it is about those of all tenants. It reaches the
         *     backups and the disk of this instance: run it at each instance. `otherKeys` in the summary tells what still needs another
         *     key, wherever it is; an old key may go only once that is empty.
         */
        post: operations["rotateVault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/vault/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End the session and hand out its sealed file under a passphrase, for another host's import
         * @description The session is not logged out. It stays at rest here, and can be reconnected, until the export is
         *     confirmed. It must never run in two places: WhatsApp would end the link.
         */
        post: operations["exportVault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/accounts/{accountId}/vault/export/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say that the exported file is safe: the session is closed here for good
         * @description Every sealed copy here is destroyed; the device stays logged in, since it lives on in the file. 409 if
         *     the session has gone on, or was exported again, since that export. May be called again.
         */
        post: operations["confirmVaultExport"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/vault/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take in an exported session and start it
         * @description Two parts: `passphrase`, then `file`, of at most 4 GiB. The account is created under the id that it
         *     had; 409 if it is linked or runs here. If it fails, nothing of it is left.
         */
        post: operations["importVault"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/instances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The instances that share the database, oldest first
         * @description For owners and admins of the tenant `default`.
         */
        get: operations["listInstances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/whatsapp/instances/{instanceId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Forget an instance that is dead, so that others take its accounts at once
         * @description They do so by themselves once its lease has lapsed: half a minute, or up to ten minutes if it was alone. Make sure that its daemon and its browsers are gone: two browsers with one link cost the account its connection, and may cost messages. One that has renewed its lease within 15 seconds is refused unless `force` is true; the one that answers is never forgotten.
         */
        delete: operations["forgetInstance"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    "message.received": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** An incoming message was stored, live or read back after an absence. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "message.received",
                     *       "timestamp": "2026-01-31T08:00:01.000Z",
                     *       "data": {
                     *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *         "whatsappMessageId": "false_491700000001@c.us_3EB0A1B2C3",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "chatId": "491700000001@c.us",
                     *         "phoneNumber": "+491700000001",
                     *         "direction": "incoming",
                     *         "type": "text",
                     *         "author": "491700000001@c.us",
                     *         "authorName": null,
                     *         "text": "Where is my parcel?",
                     *         "location": null,
                     *         "contacts": null,
                     *         "poll": null,
                     *         "mediaUrl": null,
                     *         "mediaStatus": null,
                     *         "mediaType": null,
                     *         "mimeType": null,
                     *         "fileName": null,
                     *         "fileSize": null,
                     *         "caption": null,
                     *         "replyTo": null,
                     *         "status": "delivered",
                     *         "failedReason": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z",
                     *         "handedAt": null,
                     *         "sentAt": null,
                     *         "deliveredAt": null,
                     *         "readAt": null,
                     *         "playedAt": null,
                     *         "editedAt": null,
                     *         "revokedAt": null,
                     *         "reactions": [],
                     *         "votes": null,
                     *         "versions": [],
                     *         "recovered": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MessageReceivedEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "message.status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A message took another step: accepted, sent (also from the phone itself), delivered, read, played, failed, put off, cancelled; or it was edited or revoked, its file is there or was given up, or reactions to it or votes in it changed. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "message.status",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *         "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "chatId": "491700000001@c.us",
                     *         "phoneNumber": "+491700000001",
                     *         "direction": "outgoing",
                     *         "type": "text",
                     *         "author": null,
                     *         "authorName": null,
                     *         "text": "Your parcel is here.",
                     *         "location": null,
                     *         "contacts": null,
                     *         "poll": null,
                     *         "mediaUrl": null,
                     *         "mediaStatus": null,
                     *         "mediaType": null,
                     *         "mimeType": null,
                     *         "fileName": null,
                     *         "fileSize": null,
                     *         "caption": null,
                     *         "replyTo": null,
                     *         "status": "delivered",
                     *         "failedReason": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z",
                     *         "handedAt": "2026-01-31T08:00:00.400Z",
                     *         "sentAt": "2026-01-31T08:00:00.900Z",
                     *         "deliveredAt": "2026-01-31T08:00:02.000Z",
                     *         "readAt": null,
                     *         "playedAt": null,
                     *         "editedAt": null,
                     *         "revokedAt": null,
                     *         "reactions": [
                     *           {
                     *             "senderId": "491700000001@c.us",
                     *             "emoji": "👍",
                     *             "at": "2026-01-31T08:01:00.000Z"
                     *           }
                     *         ],
                     *         "votes": null,
                     *         "versions": [],
                     *         "recovered": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MessageStatusEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.connected": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The account is connected. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.connected",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "connectionStatus": "Connected",
                     *         "state": "connected",
                     *         "reason": null,
                     *         "since": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountConnectedEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.reconnecting": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The session fell and was not back within seconds. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.reconnecting",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "connectionStatus": "Reconnecting",
                     *         "state": "reconnecting",
                     *         "reason": {
                     *           "code": "connection_lost",
                     *           "text": "WhatsApp Web lost its connection and did not find it again.",
                     *           "userAction": null
                     *         },
                     *         "since": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountReconnectingEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.critical": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Five attempts in a row failed, or five connections in a row did not last. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.critical",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "kind": "reconnect_failing",
                     *         "reason": {
                     *           "code": "connection_lost",
                     *           "text": "WhatsApp Web lost its connection and did not find it again.",
                     *           "userAction": null
                     *         },
                     *         "text": "Five attempts in a row failed."
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountCriticalEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.needs_human": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Only a person can mend it; the reason says what and how. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.needs_human",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "connectionStatus": "Failed",
                     *         "state": "needs_human",
                     *         "reason": {
                     *           "code": "logged_out",
                     *           "text": "The device was unlinked on the phone, or WhatsApp ended the link.",
                     *           "userAction": "Reconnect the account and scan the new QR code."
                     *         },
                     *         "since": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountNeedsHumanEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.disconnected": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The account was disconnected on purpose, or was never linked. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.disconnected",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "connectionStatus": "Disconnected",
                     *         "state": "disconnected",
                     *         "reason": {
                     *           "code": "user_disconnected",
                     *           "text": "Disconnected by a user.",
                     *           "userAction": "Reconnect the account to link it again."
                     *         },
                     *         "since": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountDisconnectedEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The health has changed. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.health",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "healthStatus": "Warning",
                     *         "usagePercentage": 70,
                     *         "messagesSentToday": 700,
                     *         "dailyLimit": 1000
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountHealthEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "account.limit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** 70 or 90 % of the daily limit are used. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "account.limit",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "percent": 70,
                     *         "usagePercentage": 70,
                     *         "messagesSentToday": 700,
                     *         "dailyLimit": 1000
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AccountLimitEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "webhook.disabled": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Another webhook of the tenant was disabled, since nothing was taken there for days. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "webhook.disabled",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "webhookId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "description": "Order service",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "reason": "failing",
                     *         "since": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookDisabledEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    ping: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Somebody asked for it, by `POST /webhooks/{webhookId}/test`. */
        post: {
            parameters: {
                query?: never;
                header: {
                    /**
                     * @description Names the event: the same at each try, and when it is redelivered.
                     * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
                     */
                    "webhook-id": string;
                    /**
                     * @description The second of this try, since 1970.
                     * @example 1769846400
                     */
                    "webhook-timestamp": string;
                    /**
                     * @description Of `id.timestamp.body` in the Standard Webhooks scheme; one by each secret that signs.
                     * @example v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
                     */
                    "webhook-signature": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    /**
                     * @example {
                     *       "type": "ping",
                     *       "timestamp": "2026-01-31T08:00:00.000Z",
                     *       "data": {
                     *         "webhookId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["PingEvent"];
                };
            };
            responses: {
                /** @description It is taken. */
                "2XX": {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description It is not, and is tried again for 24 hours. */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        /**
         * @example {
         *       "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
         *       "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
         *       "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
         *       "chatId": "491700000001@c.us",
         *       "phoneNumber": "+491700000001",
         *       "direction": "outgoing",
         *       "type": "text",
         *       "author": null,
         *       "authorName": null,
         *       "text": "Your parcel is here.",
         *       "location": null,
         *       "contacts": null,
         *       "poll": null,
         *       "mediaUrl": null,
         *       "mediaStatus": null,
         *       "mediaType": null,
         *       "mimeType": null,
         *       "fileName": null,
         *       "fileSize": null,
         *       "caption": null,
         *       "replyTo": null,
         *       "status": "delivered",
         *       "failedReason": null,
         *       "timestamp": "2026-01-31T08:00:00.000Z",
         *       "handedAt": "2026-01-31T08:00:00.400Z",
         *       "sentAt": "2026-01-31T08:00:00.900Z",
         *       "deliveredAt": "2026-01-31T08:00:02.000Z",
         *       "readAt": null,
         *       "playedAt": null,
         *       "editedAt": null,
         *       "revokedAt": null,
         *       "reactions": [
         *         {
         *           "senderId": "491700000001@c.us",
         *           "emoji": "👍",
         *           "at": "2026-01-31T08:01:00.000Z"
         *         }
         *       ],
         *       "votes": null,
         *       "versions": [],
         *       "recovered": false
         *     }
         */
        MessageInput: {
            /**
             * Format: uuid
             * @description Ours.
             */
            messageId: string;
            /**
             * @description WhatsApp's serialised key.
             * @example true_491700000001@c.us_3EB0A1B2C3
             */
            whatsappMessageId: string | null;
            /** Format: uuid */
            accountId: string;
            /** @example 491700000001@c.us */
            chatId: string;
            /**
             * @description E.164; null in groups and where WhatsApp hides it.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /** @enum {string} */
            direction: "incoming" | "outgoing";
            /** @enum {string} */
            type: "text" | "image" | "video" | "audio" | "voice" | "document" | "sticker" | "location" | "contact" | "poll" | "revoked" | "other";
            /**
             * @description Who wrote an incoming message; in groups the participant.
             * @example 491700000001@c.us
             */
            author: string | null;
            authorName: string | null;
            text: string | null;
            location: {
                latitude: number;
                longitude: number;
                name?: string;
                address?: string;
                url?: string;
            } | null;
            contacts: {
                name: string;
                vcard: string;
            }[] | null;
            poll: {
                question: string;
                options: string[];
                multipleAnswers: boolean;
            } | null;
            /** @description Path of the file; null until it is stored, and if it is not to be had. */
            mediaUrl: string | null;
            /** @description Where the file is: still to be fetched, stored, gone from WhatsApp, or given up. Null for what has none. */
            mediaStatus: ("pending" | "stored" | "gone" | "failed") | null;
            mediaType: ("image" | "video" | "audio" | "voice" | "document" | "sticker") | null;
            mimeType: string | null;
            fileName: string | null;
            /** @description Bytes. */
            fileSize: number | null;
            caption: string | null;
            /** @description The message that this one answers: our id, or WhatsApp's if we do not hold it. */
            replyTo: string | null;
            /** @enum {string} */
            status: "pending" | "sent" | "delivered" | "read" | "played" | "deferred" | "cancelled" | "failed" | "unknown";
            /**
             * @description Code of what went wrong, and what WhatsApp said of it.
             * @example NOT_ON_WHATSAPP
             * @example SEND_REFUSED: 463
             */
            failedReason: string | null;
            /** Format: date-time */
            timestamp: string;
            /**
             * Format: date-time
             * @description When it was given to the WhatsApp page.
             */
            handedAt: string | null;
            /** Format: date-time */
            sentAt: string | null;
            /** Format: date-time */
            deliveredAt: string | null;
            /** Format: date-time */
            readAt: string | null;
            /** Format: date-time */
            playedAt: string | null;
            /** Format: date-time */
            editedAt: string | null;
            /** Format: date-time */
            revokedAt: string | null;
            /** @description The reaction of each person who has one, oldest first; our own has our own id. */
            reactions: {
                /** @example 491700000001@c.us */
                senderId: string;
                /** @example 👍 */
                emoji: string;
                /** Format: date-time */
                at: string;
            }[];
            /** @description What each person chose in a poll, oldest first; null for what is no poll. */
            votes: {
                /** @example 491700000001@c.us */
                voterId: string;
                /**
                 * @example [
                 *       "now",
                 *       "later"
                 *     ]
                 */
                options: string[];
                /** Format: date-time */
                at: string;
            }[] | null;
            /** @description Of an edited message what it said at first and after each edit, as far as it was seen; else empty. */
            versions: {
                text: string | null;
                /** Format: date-time */
                at: string;
            }[];
            /** @description Read back after an absence instead of told live. */
            recovered: boolean;
        };
        SendMessageInput: {
            /**
             * @description E.164, or a chat id.
             * @example +491700000001
             */
            to: string;
            /** @example Hello! */
            text?: string;
            media?: {
                /** Format: uri */
                url?: string;
                /** @description The bytes in base64; at most 16 MB of them. */
                data?: string;
                /**
                 * @description The type of `data`, as type/subtype.
                 * @example image/jpeg
                 */
                mimeType?: string;
                mediaId?: string;
            } & (unknown | unknown | unknown);
            /**
             * Format: uri
             * @description The same as `media.url`.
             */
            mediaUrl?: string;
            /**
             * @description What to send the file as; else it follows from its bytes.
             * @example image
             * @example video
             * @example audio
             * @example voice
             * @example document
             * @example sticker
             */
            mediaType?: string;
            /**
             * @example {
             *       "latitude": 52.52,
             *       "longitude": 13.405,
             *       "name": "Berlin"
             *     }
             */
            location?: {
                latitude: number;
                longitude: number;
                name?: string;
                address?: string;
            };
            /**
             * @example {
             *       "name": "Alice",
             *       "phoneNumber": "+491700000001"
             *     }
             */
            contact?: {
                name: string;
                /** @example +491700000001 */
                phoneNumber?: string;
                vcard?: string;
            } & (unknown | unknown);
            /**
             * @example {
             *       "question": "Lunch?",
             *       "options": [
             *         "Yes",
             *         "No"
             *       ]
             *     }
             */
            poll?: {
                question: string;
                options: string[];
                /** @default false */
                multipleAnswers?: boolean;
            };
            /** @description Only with media. */
            caption?: string;
            /** @description Only with media. */
            fileName?: string;
            /** @description A message of the account: our id, or WhatsApp's. One that still waits to be sent can be answered in its own chat alone. */
            replyTo?: string;
            /**
             * @description At the daily limit: refuse the message, or keep it for the next day that has room.
             * @default reject
             * @enum {string}
             */
            onLimit?: "reject" | "defer";
        } & (unknown | unknown | unknown | unknown | unknown | unknown);
        CampaignItemBodyInput: {
            /**
             * @description E.164, or a chat id.
             * @example +491700000001
             */
            to: string;
            /** @example Hello! */
            text?: string;
            media?: {
                /** Format: uri */
                url?: string;
                /** @description The bytes in base64; at most 16 MB of them. */
                data?: string;
                /**
                 * @description The type of `data`, as type/subtype.
                 * @example image/jpeg
                 */
                mimeType?: string;
                mediaId?: string;
            } & (unknown | unknown | unknown);
            /**
             * Format: uri
             * @description The same as `media.url`.
             */
            mediaUrl?: string;
            /**
             * @description What to send the file as; else it follows from its bytes.
             * @example image
             * @example video
             * @example audio
             * @example voice
             * @example document
             * @example sticker
             */
            mediaType?: string;
            /**
             * @example {
             *       "latitude": 52.52,
             *       "longitude": 13.405,
             *       "name": "Berlin"
             *     }
             */
            location?: {
                latitude: number;
                longitude: number;
                name?: string;
                address?: string;
            };
            /**
             * @example {
             *       "name": "Alice",
             *       "phoneNumber": "+491700000001"
             *     }
             */
            contact?: {
                name: string;
                /** @example +491700000001 */
                phoneNumber?: string;
                vcard?: string;
            } & (unknown | unknown);
            /**
             * @example {
             *       "question": "Lunch?",
             *       "options": [
             *         "Yes",
             *         "No"
             *       ]
             *     }
             */
            poll?: {
                question: string;
                options: string[];
                /** @default false */
                multipleAnswers?: boolean;
            };
            /** @description Only with media. */
            caption?: string;
            /** @description Only with media. */
            fileName?: string;
            /** @description A message of the account: our id, or WhatsApp's. One that still waits to be sent can be answered in its own chat alone. */
            replyTo?: string;
        } & (unknown | unknown | unknown | unknown | unknown | unknown);
        BulkItemInput: {
            /**
             * @description E.164, or a chat id.
             * @example +491700000001
             */
            to: string;
            /** @example Hello! */
            text?: string;
            media?: {
                /** Format: uri */
                url?: string;
                /** @description The bytes in base64; at most 16 MB of them. */
                data?: string;
                /**
                 * @description The type of `data`, as type/subtype.
                 * @example image/jpeg
                 */
                mimeType?: string;
                mediaId?: string;
            } & (unknown | unknown | unknown);
            /**
             * Format: uri
             * @description The same as `media.url`.
             */
            mediaUrl?: string;
            /**
             * @description What to send the file as; else it follows from its bytes.
             * @example image
             * @example video
             * @example audio
             * @example voice
             * @example document
             * @example sticker
             */
            mediaType?: string;
            /**
             * @example {
             *       "latitude": 52.52,
             *       "longitude": 13.405,
             *       "name": "Berlin"
             *     }
             */
            location?: {
                latitude: number;
                longitude: number;
                name?: string;
                address?: string;
            };
            /**
             * @example {
             *       "name": "Alice",
             *       "phoneNumber": "+491700000001"
             *     }
             */
            contact?: {
                name: string;
                /** @example +491700000001 */
                phoneNumber?: string;
                vcard?: string;
            } & (unknown | unknown);
            /**
             * @example {
             *       "question": "Lunch?",
             *       "options": [
             *         "Yes",
             *         "No"
             *       ]
             *     }
             */
            poll?: {
                question: string;
                options: string[];
                /** @default false */
                multipleAnswers?: boolean;
            };
            /** @description Only with media. */
            caption?: string;
            /** @description Only with media. */
            fileName?: string;
            /** @description A message of the account: our id, or WhatsApp's. One that still waits to be sent can be answered in its own chat alone. */
            replyTo?: string;
            /**
             * @description At the daily limit: refuse the message, or keep it for the next day that has room.
             * @default reject
             * @enum {string}
             */
            onLimit?: "reject" | "defer";
            /** @description As the header `Idempotency-Key` of a single send. */
            idempotencyKey?: string;
        } & (unknown | unknown | unknown | unknown | unknown | unknown);
        Key: {
            /**
             * Format: uuid
             * @description Also what accounts are granted to.
             */
            id: string;
            /** @example Order service */
            name: string;
            /** @enum {string} */
            role: "owner" | "admin" | "agent" | "viewer";
            /** @description What the role is narrowed to; null does not narrow it. */
            scopes: ("whatsapp:read" | "whatsapp:send" | "whatsapp:connect" | "whatsapp:disconnect" | "whatsapp:manage")[] | null;
            /**
             * @description What the key begins with.
             * @example sb_x4T
             */
            prefix: string;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            /** @description Who made it: the id of a key, or the `sub` of a user; null for the daemon. */
            createdBy: string | null;
            /** @description From then on it is refused; null if it lasts. */
            expiresAt: string | null;
            /** @description To the minute. */
            lastUsedAt: string | null;
            /**
             * @description The INSTANCE_IDs of those whose owner key it is: made on their first start, or their OWNER_API_KEY. None of any other key.
             * @example []
             */
            instances: string[];
        };
        NewKey: {
            /**
             * Format: uuid
             * @description Also what accounts are granted to.
             */
            id: string;
            /** @example Order service */
            name: string;
            /** @enum {string} */
            role: "owner" | "admin" | "agent" | "viewer";
            /** @description What the role is narrowed to; null does not narrow it. */
            scopes: ("whatsapp:read" | "whatsapp:send" | "whatsapp:connect" | "whatsapp:disconnect" | "whatsapp:manage")[] | null;
            /**
             * @description What the key begins with.
             * @example sb_x4T
             */
            prefix: string;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            /** @description Who made it: the id of a key, or the `sub` of a user; null for the daemon. */
            createdBy: string | null;
            /** @description From then on it is refused; null if it lasts. */
            expiresAt: string | null;
            /** @description To the minute. */
            lastUsedAt: string | null;
            /**
             * @description The INSTANCE_IDs of those whose owner key it is: made on their first start, or their OWNER_API_KEY. None of any other key.
             * @example []
             */
            instances: string[];
            /** @description The key itself. It is shown here once and stored nowhere. */
            key: string;
        };
        /** @description Every answer that is no success. */
        Error: {
            /** @constant */
            success: false;
            error: {
                /** @example VALIDATION_FAILED */
                code: string;
                message: string;
                /**
                 * @description For VALIDATION_FAILED: every field that is wrong, as `{field, message}`.
                 * @example [
                 *       {
                 *         "field": "to",
                 *         "message": "This field is required."
                 *       }
                 *     ]
                 */
                details?: unknown;
                /** @description Also in the header X-Request-Id; names the log lines. */
                requestId: string;
            };
        };
        Account: {
            /** Format: uuid */
            id: string;
            /** @example whatsapp-web */
            channel: string;
            /**
             * @description The linked number, else the one named at creation; E.164.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /** @example Front desk */
            displayName: string | null;
            /**
             * @description Derived from `state`.
             * @example Connected
             * @enum {string}
             */
            connectionStatus: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
            /**
             * @description The finer state of the session.
             * @example connected
             * @enum {string}
             */
            state: "registered" | "starting" | "awaiting_scan" | "pairing" | "syncing" | "connected" | "reconnecting" | "needs_human" | "disconnected" | "closing";
            /**
             * @description Why the account is not connected.
             * @example null
             */
            reason: {
                /** @enum {string} */
                code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                text: string;
                /** @description What a person should do; null if nothing. */
                userAction: string | null;
            } | null;
            /**
             * Format: date-time
             * @description Since when it is in this state.
             */
            since: string;
            /** @enum {string} */
            healthStatus: "Healthy" | "Warning" | "Critical";
            /**
             * @description On today's date in the account's time zone.
             * @example 12
             */
            messagesSentToday: number;
            /** @example 31 */
            messagesReceivedToday: number;
            /** @example 1000 */
            dailyLimit: number;
            /** @example Europe/Berlin */
            timezone: string;
            lastConnectedAt: string | null;
            /** @example null */
            lastDisconnectedAt: string | null;
            /** @description A mark for the operator; it does not stop the session. */
            isActive: boolean;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
        };
        SingleAccount: {
            /** Format: uuid */
            id: string;
            /** @example whatsapp-web */
            channel: string;
            /**
             * @description The linked number, else the one named at creation; E.164.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /** @example Front desk */
            displayName: string | null;
            /**
             * @description Derived from `state`.
             * @example Connected
             * @enum {string}
             */
            connectionStatus: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
            /**
             * @description The finer state of the session.
             * @example connected
             * @enum {string}
             */
            state: "registered" | "starting" | "awaiting_scan" | "pairing" | "syncing" | "connected" | "reconnecting" | "needs_human" | "disconnected" | "closing";
            /**
             * @description Why the account is not connected.
             * @example null
             */
            reason: {
                /** @enum {string} */
                code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                text: string;
                /** @description What a person should do; null if nothing. */
                userAction: string | null;
            } | null;
            /**
             * Format: date-time
             * @description Since when it is in this state.
             */
            since: string;
            /** @enum {string} */
            healthStatus: "Healthy" | "Warning" | "Critical";
            /**
             * @description On today's date in the account's time zone.
             * @example 12
             */
            messagesSentToday: number;
            /** @example 31 */
            messagesReceivedToday: number;
            /** @example 1000 */
            dailyLimit: number;
            /** @example Europe/Berlin */
            timezone: string;
            lastConnectedAt: string | null;
            /** @example null */
            lastDisconnectedAt: string | null;
            /** @description A mark for the operator; it does not stop the session. */
            isActive: boolean;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            isConnected: boolean;
            _count: {
                messages: number;
                /** @description People whom the phone knows. */
                contacts: number;
                campaigns: number;
            };
        };
        AccountHealth: {
            /** Format: uuid */
            id: string;
            /** @example whatsapp-web */
            channel: string;
            /**
             * @description The linked number, else the one named at creation; E.164.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /** @example Front desk */
            displayName: string | null;
            /**
             * @description Derived from `state`.
             * @example Connected
             * @enum {string}
             */
            connectionStatus: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
            /**
             * @description The finer state of the session.
             * @example connected
             * @enum {string}
             */
            state: "registered" | "starting" | "awaiting_scan" | "pairing" | "syncing" | "connected" | "reconnecting" | "needs_human" | "disconnected" | "closing";
            /**
             * @description Why the account is not connected.
             * @example null
             */
            reason: {
                /** @enum {string} */
                code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                text: string;
                /** @description What a person should do; null if nothing. */
                userAction: string | null;
            } | null;
            /**
             * Format: date-time
             * @description Since when it is in this state.
             */
            since: string;
            /** @enum {string} */
            healthStatus: "Healthy" | "Warning" | "Critical";
            /**
             * @description On today's date in the account's time zone.
             * @example 12
             */
            messagesSentToday: number;
            /** @example 31 */
            messagesReceivedToday: number;
            /** @example 1000 */
            dailyLimit: number;
            /** @example Europe/Berlin */
            timezone: string;
            lastConnectedAt: string | null;
            /** @example null */
            lastDisconnectedAt: string | null;
            /** @description A mark for the operator; it does not stop the session. */
            isActive: boolean;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            /**
             * @description Use of the daily limit, in percent.
             * @example 1.2
             */
            usagePercentage: number;
            /** @description The session runs, on whichever instance, and is connected. */
            isClientActive: boolean;
            /**
             * @example {
             *       "wid": {
             *         "user": "491700000001",
             *         "server": "c.us"
             *       },
             *       "pushname": "Shop"
             *     }
             */
            clientInfo: {
                wid: {
                    user: string;
                    server: string;
                };
                pushname: string;
            } | null;
            /** @example null */
            lastError: string | null;
            /** @example null */
            reconnect: {
                attempt: number;
                /** @description Null while the attempt is running, and where another instance counts the attempts. */
                nextAt: string | null;
            } | null;
        };
        /**
         * @example {
         *       "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
         *       "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
         *       "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
         *       "chatId": "491700000001@c.us",
         *       "phoneNumber": "+491700000001",
         *       "direction": "outgoing",
         *       "type": "text",
         *       "author": null,
         *       "authorName": null,
         *       "text": "Your parcel is here.",
         *       "location": null,
         *       "contacts": null,
         *       "poll": null,
         *       "mediaUrl": null,
         *       "mediaStatus": null,
         *       "mediaType": null,
         *       "mimeType": null,
         *       "fileName": null,
         *       "fileSize": null,
         *       "caption": null,
         *       "replyTo": null,
         *       "status": "delivered",
         *       "failedReason": null,
         *       "timestamp": "2026-01-31T08:00:00.000Z",
         *       "handedAt": "2026-01-31T08:00:00.400Z",
         *       "sentAt": "2026-01-31T08:00:00.900Z",
         *       "deliveredAt": "2026-01-31T08:00:02.000Z",
         *       "readAt": null,
         *       "playedAt": null,
         *       "editedAt": null,
         *       "revokedAt": null,
         *       "reactions": [
         *         {
         *           "senderId": "491700000001@c.us",
         *           "emoji": "👍",
         *           "at": "2026-01-31T08:01:00.000Z"
         *         }
         *       ],
         *       "votes": null,
         *       "versions": [],
         *       "recovered": false
         *     }
         */
        Message: {
            /**
             * Format: uuid
             * @description Ours.
             */
            messageId: string;
            /**
             * @description WhatsApp's serialised key.
             * @example true_491700000001@c.us_3EB0A1B2C3
             */
            whatsappMessageId: string | null;
            /** Format: uuid */
            accountId: string;
            /** @example 491700000001@c.us */
            chatId: string;
            /**
             * @description E.164; null in groups and where WhatsApp hides it.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /** @enum {string} */
            direction: "incoming" | "outgoing";
            /** @enum {string} */
            type: "text" | "image" | "video" | "audio" | "voice" | "document" | "sticker" | "location" | "contact" | "poll" | "revoked" | "other";
            /**
             * @description Who wrote an incoming message; in groups the participant.
             * @example 491700000001@c.us
             */
            author: string | null;
            authorName: string | null;
            text: string | null;
            location: {
                latitude: number;
                longitude: number;
                name?: string;
                address?: string;
                url?: string;
            } | null;
            contacts: {
                name: string;
                vcard: string;
            }[] | null;
            poll: {
                question: string;
                options: string[];
                multipleAnswers: boolean;
            } | null;
            /** @description Path of the file; null until it is stored, and if it is not to be had. */
            mediaUrl: string | null;
            /** @description Where the file is: still to be fetched, stored, gone from WhatsApp, or given up. Null for what has none. */
            mediaStatus: ("pending" | "stored" | "gone" | "failed") | null;
            mediaType: ("image" | "video" | "audio" | "voice" | "document" | "sticker") | null;
            mimeType: string | null;
            fileName: string | null;
            /** @description Bytes. */
            fileSize: number | null;
            caption: string | null;
            /** @description The message that this one answers: our id, or WhatsApp's if we do not hold it. */
            replyTo: string | null;
            /** @enum {string} */
            status: "pending" | "sent" | "delivered" | "read" | "played" | "deferred" | "cancelled" | "failed" | "unknown";
            /**
             * @description Code of what went wrong, and what WhatsApp said of it.
             * @example NOT_ON_WHATSAPP
             * @example SEND_REFUSED: 463
             */
            failedReason: string | null;
            /** Format: date-time */
            timestamp: string;
            /**
             * Format: date-time
             * @description When it was given to the WhatsApp page.
             */
            handedAt: string | null;
            /** Format: date-time */
            sentAt: string | null;
            /** Format: date-time */
            deliveredAt: string | null;
            /** Format: date-time */
            readAt: string | null;
            /** Format: date-time */
            playedAt: string | null;
            /** Format: date-time */
            editedAt: string | null;
            /** Format: date-time */
            revokedAt: string | null;
            /** @description The reaction of each person who has one, oldest first; our own has our own id. */
            reactions: {
                /** @example 491700000001@c.us */
                senderId: string;
                /** @example 👍 */
                emoji: string;
                /** Format: date-time */
                at: string;
            }[];
            /** @description What each person chose in a poll, oldest first; null for what is no poll. */
            votes: {
                /** @example 491700000001@c.us */
                voterId: string;
                /**
                 * @example [
                 *       "now",
                 *       "later"
                 *     ]
                 */
                options: string[];
                /** Format: date-time */
                at: string;
            }[] | null;
            /** @description Of an edited message what it said at first and after each edit, as far as it was seen; else empty. */
            versions: {
                text: string | null;
                /** Format: date-time */
                at: string;
            }[];
            /** @description Read back after an absence instead of told live. */
            recovered: boolean;
        };
        /**
         * @example {
         *       "type": "message.received",
         *       "timestamp": "2026-01-31T08:00:01.000Z",
         *       "data": {
         *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
         *         "whatsappMessageId": "false_491700000001@c.us_3EB0A1B2C3",
         *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
         *         "chatId": "491700000001@c.us",
         *         "phoneNumber": "+491700000001",
         *         "direction": "incoming",
         *         "type": "text",
         *         "author": "491700000001@c.us",
         *         "authorName": null,
         *         "text": "Where is my parcel?",
         *         "location": null,
         *         "contacts": null,
         *         "poll": null,
         *         "mediaUrl": null,
         *         "mediaStatus": null,
         *         "mediaType": null,
         *         "mimeType": null,
         *         "fileName": null,
         *         "fileSize": null,
         *         "caption": null,
         *         "replyTo": null,
         *         "status": "delivered",
         *         "failedReason": null,
         *         "timestamp": "2026-01-31T08:00:00.000Z",
         *         "handedAt": null,
         *         "sentAt": null,
         *         "deliveredAt": null,
         *         "readAt": null,
         *         "playedAt": null,
         *         "editedAt": null,
         *         "revokedAt": null,
         *         "reactions": [],
         *         "votes": null,
         *         "versions": [],
         *         "recovered": false
         *       }
         *     }
         */
        MessageReceivedEvent: {
            /** @constant */
            type: "message.received";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: components["schemas"]["Message"];
        };
        MessageStatusEvent: {
            /** @constant */
            type: "message.status";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: components["schemas"]["Message"];
        };
        AccountConnectedEvent: {
            /** @constant */
            type: "account.connected";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @constant */
                connectionStatus: "Connected";
                /** @constant */
                state: "connected";
                /**
                 * @description Why the account is not connected.
                 * @example null
                 */
                reason: {
                    /** @enum {string} */
                    code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                    text: string;
                    /** @description What a person should do; null if nothing. */
                    userAction: string | null;
                } | null;
                /**
                 * Format: date-time
                 * @description Since when it is so.
                 */
                since: string;
            };
        };
        AccountReconnectingEvent: {
            /** @constant */
            type: "account.reconnecting";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @constant */
                connectionStatus: "Reconnecting";
                /** @constant */
                state: "reconnecting";
                /**
                 * @description Why the account is not connected.
                 * @example {
                 *       "code": "connection_lost",
                 *       "text": "WhatsApp Web lost its connection and did not find it again.",
                 *       "userAction": null
                 *     }
                 */
                reason: {
                    /** @enum {string} */
                    code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                    text: string;
                    /** @description What a person should do; null if nothing. */
                    userAction: string | null;
                } | null;
                /**
                 * Format: date-time
                 * @description Since when it is so.
                 */
                since: string;
            };
        };
        AccountCriticalEvent: {
            /** @constant */
            type: "account.critical";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @enum {string} */
                kind: "reconnect_failing" | "flapping";
                /**
                 * @description Why the account is not connected.
                 * @example {
                 *       "code": "connection_lost",
                 *       "text": "WhatsApp Web lost its connection and did not find it again.",
                 *       "userAction": null
                 *     }
                 */
                reason: {
                    /** @enum {string} */
                    code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                    text: string;
                    /** @description What a person should do; null if nothing. */
                    userAction: string | null;
                } | null;
                /** @example Five attempts in a row failed. */
                text: string;
            };
        };
        AccountNeedsHumanEvent: {
            /** @constant */
            type: "account.needs_human";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @constant */
                connectionStatus: "Failed";
                /** @constant */
                state: "needs_human";
                /**
                 * @description Why the account is not connected.
                 * @example {
                 *       "code": "logged_out",
                 *       "text": "The device was unlinked on the phone, or WhatsApp ended the link.",
                 *       "userAction": "Reconnect the account and scan the new QR code."
                 *     }
                 */
                reason: {
                    /** @enum {string} */
                    code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                    text: string;
                    /** @description What a person should do; null if nothing. */
                    userAction: string | null;
                } | null;
                /**
                 * Format: date-time
                 * @description Since when it is so.
                 */
                since: string;
            };
        };
        AccountDisconnectedEvent: {
            /** @constant */
            type: "account.disconnected";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @constant */
                connectionStatus: "Disconnected";
                /** @constant */
                state: "disconnected";
                /**
                 * @description Why the account is not connected.
                 * @example {
                 *       "code": "user_disconnected",
                 *       "text": "Disconnected by a user.",
                 *       "userAction": "Reconnect the account to link it again."
                 *     }
                 */
                reason: {
                    /** @enum {string} */
                    code: "user_disconnected" | "exported" | "moved_away" | "qr_given_up" | "no_code" | "pairing_code_refused" | "wrong_phone" | "already_linked" | "no_slot" | "daemon_stopped" | "logged_out" | "replaced" | "banned" | "client_outdated" | "auth_failed" | "passkey" | "link_stalled" | "key_missing" | "vault_damaged" | "vault_unavailable" | "proxy_blocked" | "browser_died" | "page_crashed" | "page_unresponsive" | "launch_failed" | "page_unreachable" | "start_overdue" | "connection_lost" | "library_fault" | "disk_full" | "storage_failed" | "memory_high" | "link_doubted" | "memory_exceeded" | "self_test_failed";
                    text: string;
                    /** @description What a person should do; null if nothing. */
                    userAction: string | null;
                } | null;
                /**
                 * Format: date-time
                 * @description Since when it is so.
                 */
                since: string;
            };
        };
        AccountHealthEvent: {
            /** @constant */
            type: "account.health";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /**
                 * @example Warning
                 * @enum {string}
                 */
                healthStatus: "Healthy" | "Warning" | "Critical";
                /**
                 * @description Of the daily limit, with two decimals.
                 * @example 70
                 */
                usagePercentage: number;
                /**
                 * @description On today's date in the account's time zone.
                 * @example 700
                 */
                messagesSentToday: number;
                /** @example 1000 */
                dailyLimit: number;
            };
        };
        AccountLimitEvent: {
            /** @constant */
            type: "account.limit";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                accountId: string;
                /** @enum {number} */
                percent: 70 | 90;
                /**
                 * @description Of the daily limit, with two decimals.
                 * @example 70
                 */
                usagePercentage: number;
                /**
                 * @description On today's date in the account's time zone.
                 * @example 700
                 */
                messagesSentToday: number;
                /** @example 1000 */
                dailyLimit: number;
            };
        };
        WebhookDisabledEvent: {
            /** @constant */
            type: "webhook.disabled";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                webhookId: string;
                /** @example Order service */
                description: string | null;
                accountId: string | null;
                /** @constant */
                reason: "failing";
                /**
                 * Format: date-time
                 * @description ISO 8601 in UTC.
                 */
                since: string;
            };
        };
        PingEvent: {
            /** @constant */
            type: "ping";
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            timestamp: string;
            data: {
                /** Format: uuid */
                webhookId: string;
            };
        };
        AuditEntry: {
            /** @example 4711 */
            id: string;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            at: string;
            actor: {
                /** @enum {string} */
                kind: "key" | "user";
                /** @description Id of the key, or `sub` of the user. */
                id: string;
                /** @description As it was called then. */
                name: string;
            };
            /**
             * @description The `operationId` of the request.
             * @example sendMessage
             * @example revokeKey
             */
            action: string;
            /** @description Id of the account, message, campaign or key; null if it was none. */
            target: string | null;
            /**
             * @description From which the request came, as the daemon sees it.
             * @example 127.0.0.1
             */
            address: string;
            requestId: string;
            /** @description What else the action says of itself; no messages, no keys. */
            details: {
                [key: string]: unknown;
            } | null;
        };
        BulkResult: {
            /** @description Place of the item in the request, from 0. */
            index: number;
            /** @enum {string} */
            status: "accepted" | "rejected";
            /**
             * Format: uuid
             * @description Of an accepted item.
             */
            messageId?: string;
            /**
             * @description Of an accepted item, as `status` of a single send.
             * @enum {string}
             */
            messageStatus?: "pending" | "deferred";
            /**
             * @description Of a rejected item: what a single send would have been answered.
             * @example {
             *       "code": "DAILY_LIMIT_EXCEEDED",
             *       "message": "The account has used up its messages of the day.",
             *       "details": {
             *         "dailyLimit": 1000,
             *         "nextAt": "2026-02-01T00:00:00.000Z",
             *         "retryAfterSeconds": 3600
             *       }
             *     }
             */
            error?: {
                code: string;
                message: string;
                details?: unknown;
            };
        };
        Campaign: {
            /** Format: uuid */
            campaignId: string;
            /** Format: uuid */
            accountId: string;
            name: string;
            /**
             * @description `completed`: every item was accepted or rejected; its messages may still be on their way.
             * @enum {string}
             */
            status: "running" | "paused" | "completed" | "cancelled";
            /** @description Items. */
            total: number;
            /** Format: date-time */
            createdAt: string;
            /** @description When it was completed or cancelled. */
            endedAt: string | null;
        };
        CampaignProgress: {
            /** Format: uuid */
            campaignId: string;
            /** Format: uuid */
            accountId: string;
            name: string;
            /**
             * @description `completed`: every item was accepted or rejected; its messages may still be on their way.
             * @enum {string}
             */
            status: "running" | "paused" | "completed" | "cancelled";
            /** @description Items. */
            total: number;
            /** Format: date-time */
            createdAt: string;
            /** @description When it was completed or cancelled. */
            endedAt: string | null;
            progress: {
                /** @description Items. */
                total: number;
                /** @description Items that are not accepted yet. */
                waiting: number;
                /** @description Items that have become messages. */
                accepted: number;
                /** @description Messages that WhatsApp's server has, those that came further among them. */
                sent: number;
                /** @description Messages that were delivered, those that were read among them. */
                delivered: number;
                /** @description Messages that were read or played. */
                read: number;
                /** @description Items that were rejected, and messages that failed. */
                failed: number;
                /** @description Items and messages that were cancelled. */
                cancelled: number;
            };
            /**
             * @description How many items are where; they add up to `total`.
             * @example {
             *       "waiting": 0,
             *       "rejected": 0,
             *       "pending": 0,
             *       "deferred": 0,
             *       "sent": 3,
             *       "delivered": 0,
             *       "read": 0,
             *       "played": 0,
             *       "failed": 0,
             *       "unknown": 0,
             *       "cancelled": 0,
             *       "deleted": 0
             *     }
             */
            counts: {
                [key: string]: number;
            };
            /** @description What a running campaign with items that wait cannot go on without: a connection of the account, a day or a minute that has room. */
            waitsFor: ("connection" | "daily-limit" | "rate-limit") | null;
            /** @description For `daily-limit`: when the next day of the account begins; for `rate-limit`: when its next message may leave. */
            waitsUntil: string | null;
        };
        CampaignItem: {
            /** @description Place in the campaign, from 0. */
            index: number;
            /**
             * @description The chat id.
             * @example 491700000001@c.us
             */
            to: string;
            /**
             * @description `waiting`: not accepted yet; `rejected`: a single send would have been refused; `deleted`: its message is no longer kept; else the status of its message.
             * @enum {string}
             */
            status: "waiting" | "rejected" | "pending" | "deferred" | "sent" | "delivered" | "read" | "played" | "failed" | "unknown" | "cancelled" | "deleted";
            /** Format: uuid */
            messageId: string | null;
            /** @description Why it was rejected, or its message failed. */
            error: {
                code: string;
                message: string;
            } | null;
        };
        Chat: {
            /**
             * @description The `chatId` of its messages; goes as `to` of a message.
             * @example 491700000001@c.us
             * @example 120363000000000001@g.us
             */
            id: string;
            /**
             * @description E.164; null for groups and where WhatsApp hides it.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /**
             * @description A group's subject, or the name that the phone shows.
             * @example Alice
             */
            name: string | null;
            isGroup: boolean;
            /** Format: date-time */
            lastMessageAt: string | null;
            /**
             * @description What the phone shows as unread, as it was last looked at.
             * @example 2
             */
            unreadCount: number;
        };
        Contact: {
            /**
             * @description The id of the chat with them, and the `author` of what they write.
             * @example 491700000001@c.us
             */
            id: string;
            /**
             * @description E.164; null where WhatsApp hides it.
             * @example +491700000001
             */
            phoneNumber: string | null;
            /**
             * @description WhatsApp's address that hides the number.
             * @example 99000000000011@lid
             */
            lid: string | null;
            /**
             * @description In the phone's address book; null if not in it.
             * @example Alice
             */
            name: string | null;
            /**
             * @description What they call themselves.
             * @example alice w
             */
            pushName: string | null;
            isBusiness: boolean;
        };
        Grant: {
            /**
             * @description The id of an API key, or the `sub` of a user of the host application.
             * @example ada@shop.example
             */
            userId: string;
            /** @description Who granted it, alike. */
            grantedBy: string;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            grantedAt: string;
        };
        Instance: {
            /**
             * @description Its INSTANCE_ID.
             * @example switchboard-0
             */
            id: string;
            /**
             * Format: date-time
             * @description When its run began. ISO 8601 in UTC, by the clock of PostgreSQL, as all of these.
             */
            since: string;
            /**
             * Format: date-time
             * @description When it has renewed its lease last: every five seconds while it is well.
             */
            renewedAt: string;
            leaseUntil: string | null;
            /**
             * @description WHATSAPP_MAX_CONNECTIONS.
             * @example 10
             */
            capacity: number;
            /** @description Accounts that it holds. */
            accounts: number;
            /** @description It stops, and takes no more. */
            draining: boolean;
        };
        Settings: {
            /**
             * @description Messages that are older are deleted with their media, within minutes, and stay away. Those on their way out are kept. Null keeps them for ever.
             * @example 365
             */
            retentionDays: number | null;
        };
        DayUsage: {
            /**
             * Format: date
             * @description In the account's time zone.
             * @example 2026-01-31
             */
            date: string;
            /**
             * @description Messages handed to WhatsApp, whatever became of them.
             * @example 12
             */
            sent: number;
            /** @example 12 */
            received: number;
            /**
             * @description Outgoing messages that failed.
             * @example 12
             */
            failed: number;
            /**
             * @description Messages that found the day full and were put off.
             * @example 12
             */
            deferred: number;
        };
        /** @description What became of one copy of one sealed session. */
        VaultCopy: {
            accountId: string;
            /**
             * @description Number of the snapshot within its account.
             * @example 17
             */
            generation: number;
            /**
             * @description `disk`, `database` or `s3`; `none` for a session of which no copy is left.
             * @example disk
             */
            source: string;
            /**
             * @description The encryption key that it needs; null if its head cannot be read.
             * @example 3f9c1d20b7a84e65
             */
            keyId: string | null;
            /**
             * @description Of its file; 0 if it cannot be read.
             * @example 14680064
             */
            bytes: number;
            /**
             * @example good
             * @enum {string}
             */
            outcome: "good" | "damaged" | "key_missing" | "unreachable" | "rotated" | "current" | "lost";
            /** @description What is wrong with it. */
            detail: string | null;
        };
        /** @description Sealed sessions that still need another key than the current one. */
        VaultKeyNeed: {
            /**
             * @description The key that must be kept for them.
             * @example 3f9c1d20b7a84e65
             */
            keyId: string;
            /**
             * @description The instance that holds their accounts.
             * @example switchboard-2
             */
            instanceId: string | null;
            /**
             * @description How many sealed sessions these are.
             * @example 3
             */
            snapshots: number;
        };
        Webhook: {
            /** Format: uuid */
            id: string;
            /** @example https://shop.example/hooks/whatsapp */
            url: string;
            description: string | null;
            /**
             * Format: uuid
             * @description The one account that it is about; null for all of the tenant.
             */
            accountId: string | null;
            /**
             * @example [
             *       "message.received",
             *       "message.status"
             *     ]
             */
            events: ("message.received" | "message.status" | "account.connected" | "account.reconnecting" | "account.critical" | "account.needs_human" | "account.disconnected" | "account.health" | "account.limit" | "webhook.disabled")[];
            enabled: boolean;
            /**
             * @description `resting`: the endpoint took nothing lately and is tried now and then; `disabled` by a user; `failed`: disabled, since nothing was taken for five days.
             * @enum {string}
             */
            state: "active" | "resting" | "disabled" | "failed";
            /**
             * Format: date-time
             * @description Since when it is enabled, or is not.
             */
            stateSince: string;
            /** @description Tries that failed since one was taken. */
            failuresInRow: number;
            /** @description When a resting endpoint is tried; else null. */
            nextTryAt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            /** @description The id of a key, or the `sub` of a user. */
            createdBy: string;
        };
        NewWebhook: {
            /** Format: uuid */
            id: string;
            /** @example https://shop.example/hooks/whatsapp */
            url: string;
            description: string | null;
            /**
             * Format: uuid
             * @description The one account that it is about; null for all of the tenant.
             */
            accountId: string | null;
            /**
             * @example [
             *       "message.received",
             *       "message.status"
             *     ]
             */
            events: ("message.received" | "message.status" | "account.connected" | "account.reconnecting" | "account.critical" | "account.needs_human" | "account.disconnected" | "account.health" | "account.limit" | "webhook.disabled")[];
            enabled: boolean;
            /**
             * @description `resting`: the endpoint took nothing lately and is tried now and then; `disabled` by a user; `failed`: disabled, since nothing was taken for five days.
             * @enum {string}
             */
            state: "active" | "resting" | "disabled" | "failed";
            /**
             * Format: date-time
             * @description Since when it is enabled, or is not.
             */
            stateSince: string;
            /** @description Tries that failed since one was taken. */
            failuresInRow: number;
            /** @description When a resting endpoint is tried; else null. */
            nextTryAt: string | null;
            /**
             * Format: date-time
             * @description ISO 8601 in UTC.
             */
            createdAt: string;
            /** @description The id of a key, or the `sub` of a user. */
            createdBy: string;
            /**
             * @description What signatures are checked with. Shown this once.
             * @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=
             */
            secret: string;
        };
        Delivery: {
            /** @example 4711 */
            id: string;
            /**
             * @description The header `webhook-id`: the same for each try, and for every webhook.
             * @example evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0
             */
            eventId: string;
            /** @example message.received */
            type: string;
            /**
             * @description `dead`: it is tried no more unless it is asked for.
             * @enum {string}
             */
            status: "pending" | "delivered" | "dead";
            attempts: number;
            /**
             * Format: date-time
             * @description When it was written down, moments after it happened.
             */
            createdAt: string;
            lastAttemptAt: string | null;
            /** @description The earliest, while it is pending: it waits for earlier ones of its chat, and for a resting endpoint. */
            nextAttemptAt: string | null;
            deliveredAt: string | null;
            /** @description What the endpoint answered; null if it did not. */
            lastStatus: number | null;
            /** @example The endpoint answered 401. token expired */
            lastError: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description Names the request in the log; the one that the request gave, if it gave a plain one. */
        "X-Request-Id": string;
        /** @description The limits that hold for the caller, where any do. */
        "RateLimit-Policy": string;
        /** @description What is left of them, and when there is more. */
        RateLimit: string;
        /** @description Seconds to wait. */
        "Retry-After": number;
        /** @description How to say who asks. */
        "WWW-Authenticate": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is alive. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "status": "alive"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** @enum {string} */
                            status: "alive";
                        };
                    };
                };
            };
        };
    };
    getReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every part answers. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "status": "ready",
                     *         "checks": {}
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** @enum {string} */
                            status: "ready";
                            checks: {
                                [key: string]: "ok";
                            };
                        };
                    };
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures in the text format of Prometheus. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    listAccounts: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDZmMWMyZjZlLTBiMGUtNGM2OS05ZDFmLTFjMWI3YjFmOGExMA
                 */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of accounts. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "channel": "whatsapp-web",
                     *           "phoneNumber": "+491700000001",
                     *           "displayName": "Front desk",
                     *           "connectionStatus": "Connected",
                     *           "state": "connected",
                     *           "reason": null,
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "healthStatus": "Healthy",
                     *           "messagesSentToday": 12,
                     *           "messagesReceivedToday": 31,
                     *           "dailyLimit": 1000,
                     *           "timezone": "Europe/Berlin",
                     *           "lastConnectedAt": "2026-01-31T08:00:00.000Z",
                     *           "lastDisconnectedAt": null,
                     *           "isActive": true,
                     *           "createdAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Account"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    getAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "channel": "whatsapp-web",
                     *         "phoneNumber": "+491700000001",
                     *         "displayName": "Front desk",
                     *         "connectionStatus": "Connected",
                     *         "state": "connected",
                     *         "reason": null,
                     *         "since": "2026-01-31T08:00:00.000Z",
                     *         "healthStatus": "Healthy",
                     *         "messagesSentToday": 12,
                     *         "messagesReceivedToday": 31,
                     *         "dailyLimit": 1000,
                     *         "timezone": "Europe/Berlin",
                     *         "lastConnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "lastDisconnectedAt": null,
                     *         "isActive": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "_count": {
                     *           "messages": 0,
                     *           "contacts": 0,
                     *           "campaigns": 0
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["SingleAccount"];
                    };
                };
            };
        };
    };
    deleteAccount: {
        parameters: {
            query?: {
                /** @example false */
                purge?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is deleted. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "deleted": true,
                     *         "purged": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            accountId: string;
                            /** @enum {boolean} */
                            deleted: true;
                            purged: boolean;
                        };
                    };
                };
            };
        };
    };
    changeAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "displayName": "Front desk",
                 *       "dailyLimit": 500
                 *     }
                 */
                "application/json": {
                    displayName?: string | null;
                    dailyLimit?: number;
                    /** @example Europe/Berlin */
                    timezone?: string;
                    isActive?: boolean;
                };
            };
        };
        responses: {
            /** @description The account as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "channel": "whatsapp-web",
                     *         "phoneNumber": "+491700000001",
                     *         "displayName": "Front desk",
                     *         "connectionStatus": "Connected",
                     *         "state": "connected",
                     *         "reason": null,
                     *         "since": "2026-01-31T08:00:00.000Z",
                     *         "healthStatus": "Healthy",
                     *         "messagesSentToday": 12,
                     *         "messagesReceivedToday": 31,
                     *         "dailyLimit": 1000,
                     *         "timezone": "Europe/Berlin",
                     *         "lastConnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "lastDisconnectedAt": null,
                     *         "isActive": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "isConnected": true,
                     *         "_count": {
                     *           "messages": 0,
                     *           "contacts": 0,
                     *           "campaigns": 0
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["SingleAccount"];
                    };
                };
            };
        };
    };
    connect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /**
                     * @description Only this phone may scan.
                     * @example +491700000001
                     */
                    phoneNumber?: string;
                    /** @example Front desk */
                    displayName?: string;
                    /**
                     * @description How the phone is linked: it scans a QR code, or its user types a code. `code` needs `phoneNumber`.
                     * @enum {string}
                     */
                    pairing?: "qr" | "code";
                    dailyLimit?: number;
                    /** @example Europe/Berlin */
                    timezone?: string;
                } | null;
            };
        };
        responses: {
            /** @description A code will be there shortly. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "status": "Connecting",
                     *         "message": "The session is starting again."
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            accountId: string;
                            /** @enum {string} */
                            status: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
                            /** @example The session is starting again. */
                            message: string;
                        };
                    };
                };
            };
        };
    };
    getQrCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The code, or nulls until there is one. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "qrCode": "data:image/png;base64,iVBORw0KGgo=",
                     *         "qr": "2@QxYz0",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "status": "Connecting"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /**
                             * @description PNG as a data URL; null until there is a code.
                             * @example data:image/png;base64,iVBORw0KGgo=
                             */
                            qrCode: string | null;
                            /**
                             * @description The text that the code holds.
                             * @example 2@QxYz0
                             */
                            qr: string | null;
                            /** Format: date-time */
                            expiresAt: string | null;
                            /** @enum {string} */
                            status: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
                        };
                    };
                    "image/png": Blob;
                    "image/svg+xml": string;
                    "text/plain": string;
                };
            };
        };
    };
    getPairingCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The code, or null until there is one. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "code": "ABCD1234",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "status": "Connecting"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /**
                             * @description Eight characters; null until there is a code.
                             * @example ABCD1234
                             */
                            code: string | null;
                            /** Format: date-time */
                            expiresAt: string | null;
                            /** @enum {string} */
                            status: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
                        };
                    };
                };
            };
        };
    };
    getAccountHealth: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account and its health. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "channel": "whatsapp-web",
                     *         "phoneNumber": "+491700000001",
                     *         "displayName": "Front desk",
                     *         "connectionStatus": "Connected",
                     *         "state": "connected",
                     *         "reason": null,
                     *         "since": "2026-01-31T08:00:00.000Z",
                     *         "healthStatus": "Healthy",
                     *         "messagesSentToday": 12,
                     *         "messagesReceivedToday": 31,
                     *         "dailyLimit": 1000,
                     *         "timezone": "Europe/Berlin",
                     *         "lastConnectedAt": "2026-01-31T08:00:00.000Z",
                     *         "lastDisconnectedAt": null,
                     *         "isActive": true,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "usagePercentage": 1.2,
                     *         "isClientActive": true,
                     *         "clientInfo": {
                     *           "wid": {
                     *             "user": "491700000001",
                     *             "server": "c.us"
                     *           },
                     *           "pushname": "Shop"
                     *         },
                     *         "lastError": null,
                     *         "reconnect": null
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["AccountHealth"];
                    };
                };
            };
        };
    };
    reconnect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The session is starting. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "status": "Connecting",
                     *         "message": "The session is starting again."
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            accountId: string;
                            /** @enum {string} */
                            status: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
                            /** @example The session is starting again. */
                            message: string;
                        };
                    };
                };
            };
        };
    };
    disconnect: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The account is disconnected. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "status": "Connecting",
                     *         "message": "The session is starting again."
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            accountId: string;
                            /** @enum {string} */
                            status: "Connecting" | "Connected" | "Reconnecting" | "Disconnected" | "Failed";
                            /** @example The session is starting again. */
                            message: string;
                        };
                    };
                };
            };
        };
    };
    listMessages: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
                /** @example +491700000001 */
                phoneNumber?: string;
                /** @example 491700000001@c.us */
                chatId?: string;
                /** @example incoming */
                direction?: "incoming" | "outgoing";
                /** @example pending */
                status?: "pending" | "sent" | "delivered" | "read" | "played" | "deferred" | "cancelled" | "failed" | "unknown";
                /**
                 * @description Messages of this instant and later.
                 * @example 2026-01-31T08:00:00.000Z
                 */
                since?: string;
                /**
                 * @description Messages before this instant.
                 * @example 2026-01-31T08:00:00.000Z
                 */
                until?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of messages. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *           "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
                     *           "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "chatId": "491700000001@c.us",
                     *           "phoneNumber": "+491700000001",
                     *           "direction": "outgoing",
                     *           "type": "text",
                     *           "author": null,
                     *           "authorName": null,
                     *           "text": "Your parcel is here.",
                     *           "location": null,
                     *           "contacts": null,
                     *           "poll": null,
                     *           "mediaUrl": null,
                     *           "mediaStatus": null,
                     *           "mediaType": null,
                     *           "mimeType": null,
                     *           "fileName": null,
                     *           "fileSize": null,
                     *           "caption": null,
                     *           "replyTo": null,
                     *           "status": "delivered",
                     *           "failedReason": null,
                     *           "timestamp": "2026-01-31T08:00:00.000Z",
                     *           "handedAt": "2026-01-31T08:00:00.400Z",
                     *           "sentAt": "2026-01-31T08:00:00.900Z",
                     *           "deliveredAt": "2026-01-31T08:00:02.000Z",
                     *           "readAt": null,
                     *           "playedAt": null,
                     *           "editedAt": null,
                     *           "revokedAt": null,
                     *           "reactions": [
                     *             {
                     *               "senderId": "491700000001@c.us",
                     *               "emoji": "👍",
                     *               "at": "2026-01-31T08:01:00.000Z"
                     *             }
                     *           ],
                     *           "votes": null,
                     *           "versions": [],
                     *           "recovered": false
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Message"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The same key and body within 24 hours answer the stored result.
                 * @example text
                 */
                "idempotency-key"?: string;
            };
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendMessageInput"];
            };
        };
        responses: {
            /** @description It is accepted. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "messageId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "status": "pending"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            messageId: string;
                            /**
                             * @description `deferred`: the day is full, and it waits for one that has room.
                             * @enum {string}
                             */
                            status: "pending" | "deferred";
                        };
                    };
                };
            };
        };
    };
    sendMessages: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The same key and body within 24 hours answer the stored result.
                 * @example text
                 */
                "idempotency-key"?: string;
            };
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "items": [
                 *         {
                 *           "to": "+491700000001",
                 *           "text": "Hello!"
                 *         },
                 *         {
                 *           "to": "+491700000002",
                 *           "text": "Hello!",
                 *           "onLimit": "defer",
                 *           "idempotencyKey": "order-17"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": {
                    /**
                     * @example [
                     *       {
                     *         "to": "+491700000001",
                     *         "text": "Hello!"
                     *       },
                     *       {
                     *         "to": "+491700000002",
                     *         "text": "Hello!",
                     *         "onLimit": "defer",
                     *         "idempotencyKey": "order-17"
                     *       }
                     *     ]
                     */
                    items: components["schemas"]["BulkItemInput"][];
                };
            };
        };
        responses: {
            /** @description What became of each item. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "results": [
                     *           {
                     *             "index": 0,
                     *             "status": "accepted"
                     *           }
                     *         ],
                     *         "accepted": 0,
                     *         "rejected": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** @description One for each item, in their order. */
                            results: components["schemas"]["BulkResult"][];
                            /** @description How many were accepted. */
                            accepted: number;
                            rejected: number;
                        };
                    };
                };
            };
        };
    };
    listCampaigns: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDZmMWMyZjZlLTBiMGUtNGM2OS05ZDFmLTFjMWI3YjFmOGExMA
                 */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of campaigns. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "name": "text",
                     *           "status": "running",
                     *           "total": 0,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "endedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Campaign"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    createCampaign: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description The same key and body within 24 hours answer the stored result.
                 * @example text
                 */
                "idempotency-key"?: string;
            };
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    name: string;
                    items: components["schemas"]["CampaignItemBodyInput"][];
                };
            };
        };
        responses: {
            /** @description It is created. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "status": "running",
                     *         "total": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            /** Format: uuid */
                            campaignId: string;
                            /** @enum {string} */
                            status: "running";
                            total: number;
                        };
                    };
                };
            };
        };
    };
    getCampaign: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the campaign.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                campaignId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The campaign. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "name": "text",
                     *         "status": "running",
                     *         "total": 0,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "endedAt": "2026-01-31T08:00:00.000Z",
                     *         "progress": {
                     *           "total": 0,
                     *           "waiting": 0,
                     *           "accepted": 0,
                     *           "sent": 0,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "failed": 0,
                     *           "cancelled": 0
                     *         },
                     *         "counts": {
                     *           "waiting": 0,
                     *           "rejected": 0,
                     *           "pending": 0,
                     *           "deferred": 0,
                     *           "sent": 3,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "played": 0,
                     *           "failed": 0,
                     *           "unknown": 0,
                     *           "cancelled": 0,
                     *           "deleted": 0
                     *         },
                     *         "waitsFor": "connection",
                     *         "waitsUntil": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["CampaignProgress"];
                    };
                };
            };
        };
    };
    listCampaignItems: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the campaign.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                campaignId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of items. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "index": 0,
                     *           "to": "491700000001@c.us",
                     *           "status": "waiting",
                     *           "messageId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "error": {
                     *             "code": "text",
                     *             "message": "text"
                     *           }
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["CampaignItem"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    pauseCampaign: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the campaign.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                campaignId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The campaign as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "name": "text",
                     *         "status": "running",
                     *         "total": 0,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "endedAt": "2026-01-31T08:00:00.000Z",
                     *         "progress": {
                     *           "total": 0,
                     *           "waiting": 0,
                     *           "accepted": 0,
                     *           "sent": 0,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "failed": 0,
                     *           "cancelled": 0
                     *         },
                     *         "counts": {
                     *           "waiting": 0,
                     *           "rejected": 0,
                     *           "pending": 0,
                     *           "deferred": 0,
                     *           "sent": 3,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "played": 0,
                     *           "failed": 0,
                     *           "unknown": 0,
                     *           "cancelled": 0,
                     *           "deleted": 0
                     *         },
                     *         "waitsFor": "connection",
                     *         "waitsUntil": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["CampaignProgress"];
                    };
                };
            };
        };
    };
    resumeCampaign: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the campaign.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                campaignId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The campaign as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "name": "text",
                     *         "status": "running",
                     *         "total": 0,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "endedAt": "2026-01-31T08:00:00.000Z",
                     *         "progress": {
                     *           "total": 0,
                     *           "waiting": 0,
                     *           "accepted": 0,
                     *           "sent": 0,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "failed": 0,
                     *           "cancelled": 0
                     *         },
                     *         "counts": {
                     *           "waiting": 0,
                     *           "rejected": 0,
                     *           "pending": 0,
                     *           "deferred": 0,
                     *           "sent": 3,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "played": 0,
                     *           "failed": 0,
                     *           "unknown": 0,
                     *           "cancelled": 0,
                     *           "deleted": 0
                     *         },
                     *         "waitsFor": "connection",
                     *         "waitsUntil": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["CampaignProgress"];
                    };
                };
            };
        };
    };
    cancelCampaign: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the campaign.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                campaignId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The campaign as it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "campaignId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "name": "text",
                     *         "status": "running",
                     *         "total": 0,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "endedAt": "2026-01-31T08:00:00.000Z",
                     *         "progress": {
                     *           "total": 0,
                     *           "waiting": 0,
                     *           "accepted": 0,
                     *           "sent": 0,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "failed": 0,
                     *           "cancelled": 0
                     *         },
                     *         "counts": {
                     *           "waiting": 0,
                     *           "rejected": 0,
                     *           "pending": 0,
                     *           "deferred": 0,
                     *           "sent": 3,
                     *           "delivered": 0,
                     *           "read": 0,
                     *           "played": 0,
                     *           "failed": 0,
                     *           "unknown": 0,
                     *           "cancelled": 0,
                     *           "deleted": 0
                     *         },
                     *         "waitsFor": "connection",
                     *         "waitsUntil": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["CampaignProgress"];
                    };
                };
            };
        };
    };
    getMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id of the message.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *         "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "chatId": "491700000001@c.us",
                     *         "phoneNumber": "+491700000001",
                     *         "direction": "outgoing",
                     *         "type": "text",
                     *         "author": null,
                     *         "authorName": null,
                     *         "text": "Your parcel is here.",
                     *         "location": null,
                     *         "contacts": null,
                     *         "poll": null,
                     *         "mediaUrl": null,
                     *         "mediaStatus": null,
                     *         "mediaType": null,
                     *         "mimeType": null,
                     *         "fileName": null,
                     *         "fileSize": null,
                     *         "caption": null,
                     *         "replyTo": null,
                     *         "status": "delivered",
                     *         "failedReason": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z",
                     *         "handedAt": "2026-01-31T08:00:00.400Z",
                     *         "sentAt": "2026-01-31T08:00:00.900Z",
                     *         "deliveredAt": "2026-01-31T08:00:02.000Z",
                     *         "readAt": null,
                     *         "playedAt": null,
                     *         "editedAt": null,
                     *         "revokedAt": null,
                     *         "reactions": [
                     *           {
                     *             "senderId": "491700000001@c.us",
                     *             "emoji": "👍",
                     *             "at": "2026-01-31T08:01:00.000Z"
                     *           }
                     *         ],
                     *         "votes": null,
                     *         "versions": [],
                     *         "recovered": false
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Message"];
                    };
                };
            };
        };
    };
    reactToMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id of the message.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "emoji": "👍"
                 *     }
                 */
                "application/json": {
                    /**
                     * @description One emoji; empty takes the reaction back.
                     * @example 👍
                     * @example
                     */
                    emoji: string;
                };
            };
        };
        responses: {
            /** @description The message with the reaction. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *         "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "chatId": "491700000001@c.us",
                     *         "phoneNumber": "+491700000001",
                     *         "direction": "outgoing",
                     *         "type": "text",
                     *         "author": null,
                     *         "authorName": null,
                     *         "text": "Your parcel is here.",
                     *         "location": null,
                     *         "contacts": null,
                     *         "poll": null,
                     *         "mediaUrl": null,
                     *         "mediaStatus": null,
                     *         "mediaType": null,
                     *         "mimeType": null,
                     *         "fileName": null,
                     *         "fileSize": null,
                     *         "caption": null,
                     *         "replyTo": null,
                     *         "status": "delivered",
                     *         "failedReason": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z",
                     *         "handedAt": "2026-01-31T08:00:00.400Z",
                     *         "sentAt": "2026-01-31T08:00:00.900Z",
                     *         "deliveredAt": "2026-01-31T08:00:02.000Z",
                     *         "readAt": null,
                     *         "playedAt": null,
                     *         "editedAt": null,
                     *         "revokedAt": null,
                     *         "reactions": [
                     *           {
                     *             "senderId": "491700000001@c.us",
                     *             "emoji": "👍",
                     *             "at": "2026-01-31T08:01:00.000Z"
                     *           }
                     *         ],
                     *         "votes": null,
                     *         "versions": [],
                     *         "recovered": false
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Message"];
                    };
                };
            };
        };
    };
    listChats: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDQ5MTcwMDAwMDAwMUBjLnVz
                 */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of chats. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "491700000001@c.us",
                     *           "phoneNumber": "+491700000001",
                     *           "name": "Alice",
                     *           "isGroup": true,
                     *           "lastMessageAt": "2026-01-31T08:00:00.000Z",
                     *           "unreadCount": 2
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Chat"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    listContacts: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDQ5MTcwMDAwMDAwMUBjLnVz
                 */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of contacts. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "491700000001@c.us",
                     *           "phoneNumber": "+491700000001",
                     *           "lid": "99000000000011@lid",
                     *           "name": "Alice",
                     *           "pushName": "alice w",
                     *           "isBusiness": true
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Contact"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    cancelMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id of the message.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The message, cancelled. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "messageId": "019c0f3e-8f00-7c69-9d1f-1c1b7b1f8a10",
                     *         "whatsappMessageId": "true_491700000001@c.us_3EB0A1B2C3",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "chatId": "491700000001@c.us",
                     *         "phoneNumber": "+491700000001",
                     *         "direction": "outgoing",
                     *         "type": "text",
                     *         "author": null,
                     *         "authorName": null,
                     *         "text": "Your parcel is here.",
                     *         "location": null,
                     *         "contacts": null,
                     *         "poll": null,
                     *         "mediaUrl": null,
                     *         "mediaStatus": null,
                     *         "mediaType": null,
                     *         "mimeType": null,
                     *         "fileName": null,
                     *         "fileSize": null,
                     *         "caption": null,
                     *         "replyTo": null,
                     *         "status": "delivered",
                     *         "failedReason": null,
                     *         "timestamp": "2026-01-31T08:00:00.000Z",
                     *         "handedAt": "2026-01-31T08:00:00.400Z",
                     *         "sentAt": "2026-01-31T08:00:00.900Z",
                     *         "deliveredAt": "2026-01-31T08:00:02.000Z",
                     *         "readAt": null,
                     *         "playedAt": null,
                     *         "editedAt": null,
                     *         "revokedAt": null,
                     *         "reactions": [
                     *           {
                     *             "senderId": "491700000001@c.us",
                     *             "emoji": "👍",
                     *             "at": "2026-01-31T08:01:00.000Z"
                     *           }
                     *         ],
                     *         "votes": null,
                     *         "versions": [],
                     *         "recovered": false
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Message"];
                    };
                };
            };
        };
    };
    uploadMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "file": "(the bytes of the file)"
                 *     }
                 */
                "multipart/form-data": {
                    /** Format: binary */
                    file: Blob;
                };
            };
        };
        responses: {
            /** @description It is stored. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "mediaId": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            mediaId: string;
                        };
                    };
                };
            };
        };
    };
    getMessageMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Our id of the message.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    "*/*": Blob;
                };
            };
        };
    };
    listUsage: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
                /**
                 * @description The first date; that of the creation if not given.
                 * @example 2026-01-31
                 */
                from?: string;
                /**
                 * @description The last date; today if not given.
                 * @example 2026-01-31
                 */
                to?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of days. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "date": "2026-01-31",
                     *           "sent": 12,
                     *           "received": 12,
                     *           "failed": 12,
                     *           "deferred": 12
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["DayUsage"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    getSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "retentionDays": 365
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Settings"];
                    };
                };
            };
        };
    };
    changeSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "retentionDays": 365
                 *     }
                 */
                "application/json": {
                    /**
                     * @description Messages that are older are deleted with their media, within minutes, and stay away. Those on their way out are kept. Null keeps them for ever.
                     * @example 365
                     */
                    retentionDays?: number | null;
                };
            };
        };
        responses: {
            /** @description The settings as they are now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "retentionDays": 365
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Settings"];
                    };
                };
            };
        };
    };
    listKeys: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDZmMWMyZjZlLTBiMGUtNGM2OS05ZDFmLTFjMWI3YjFmOGExMA
                 */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of keys. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "name": "Order service",
                     *           "role": "owner",
                     *           "scopes": [
                     *             "whatsapp:read"
                     *           ],
                     *           "prefix": "sb_x4T",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "createdBy": "text",
                     *           "expiresAt": "2026-01-31T08:00:00.000Z",
                     *           "lastUsedAt": "2026-01-31T08:00:00.000Z",
                     *           "instances": []
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Key"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Order service",
                 *       "role": "agent"
                 *     }
                 */
                "application/json": {
                    /** @example Order service */
                    name: string;
                    /**
                     * @example agent
                     * @enum {string}
                     */
                    role: "owner" | "admin" | "agent" | "viewer";
                    /**
                     * @description Narrows the role to these permissions.
                     * @example [
                     *       "whatsapp:read"
                     *     ]
                     */
                    scopes?: ("whatsapp:read" | "whatsapp:send" | "whatsapp:connect" | "whatsapp:disconnect" | "whatsapp:manage")[];
                    /**
                     * Format: date-time
                     * @description An instant to come.
                     */
                    expiresAt?: string;
                };
            };
        };
        responses: {
            /** @description The key. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "name": "Order service",
                     *         "role": "owner",
                     *         "scopes": [
                     *           "whatsapp:read"
                     *         ],
                     *         "prefix": "sb_x4T",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "createdBy": "text",
                     *         "expiresAt": "2026-01-31T08:00:00.000Z",
                     *         "lastUsedAt": "2026-01-31T08:00:00.000Z",
                     *         "instances": [],
                     *         "key": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["NewKey"];
                    };
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the key.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                keyId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is revoked. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "keyId": "text",
                     *         "revoked": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            keyId: string;
                            /** @enum {boolean} */
                            revoked: true;
                        };
                    };
                };
            };
        };
    };
    listGrants: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
            };
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of grants. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "userId": "ada@shop.example",
                     *           "grantedBy": "text",
                     *           "grantedAt": "2026-01-31T08:00:00.000Z"
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Grant"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    grantAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
                /**
                 * @description The id of an API key, or the `sub` of a user, exactly as the token has it.
                 * @example text
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description How it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "text",
                     *         "userId": "text",
                     *         "granted": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            accountId: string;
                            userId: string;
                            granted: boolean;
                        };
                    };
                };
            };
        };
    };
    revokeGrant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
                /**
                 * @description The id of an API key, or the `sub` of a user, exactly as the token has it.
                 * @example text
                 */
                userId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "text",
                     *         "userId": "text",
                     *         "granted": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            accountId: string;
                            userId: string;
                            granted: boolean;
                        };
                    };
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
                /**
                 * @description Id of a key, or `sub` of a user.
                 * @example text
                 */
                actor?: string;
                /**
                 * @description The `operationId` of a request.
                 * @example createKey
                 */
                action?: string;
                /**
                 * @description Changes of this instant and later.
                 * @example 2026-01-31T08:00:00.000Z
                 */
                since?: string;
                /**
                 * @description Changes before this instant.
                 * @example 2026-01-31T08:00:00.000Z
                 */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of changes. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "4711",
                     *           "at": "2026-01-31T08:00:00.000Z",
                     *           "actor": {
                     *             "kind": "key",
                     *             "id": "text",
                     *             "name": "text"
                     *           },
                     *           "action": "sendMessage",
                     *           "target": "text",
                     *           "address": "127.0.0.1",
                     *           "requestId": "text",
                     *           "details": {}
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["AuditEntry"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    listWebhooks: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDZmMWMyZjZlLTBiMGUtNGM2OS05ZDFmLTFjMWI3YjFmOGExMA
                 */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of webhooks. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "url": "https://shop.example/hooks/whatsapp",
                     *           "description": "text",
                     *           "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *           "events": [
                     *             "message.received",
                     *             "message.status"
                     *           ],
                     *           "enabled": true,
                     *           "state": "active",
                     *           "stateSince": "2026-01-31T08:00:00.000Z",
                     *           "failuresInRow": 0,
                     *           "nextTryAt": "2026-01-31T08:00:00.000Z",
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "createdBy": "text"
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Webhook"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    createWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Format: uri
                     * @description Where events are posted: https, on the public Internet unless WEBHOOK_ALLOW_PRIVATE is on.
                     * @example https://shop.example/hooks/whatsapp
                     */
                    url: string;
                    events: ("message.received" | "message.status" | "account.connected" | "account.reconnecting" | "account.critical" | "account.needs_human" | "account.disconnected" | "account.health" | "account.limit" | "webhook.disabled")[];
                    /**
                     * Format: uuid
                     * @description Of this account alone.
                     */
                    accountId?: string;
                    /** @example Order service */
                    description?: string;
                };
            };
        };
        responses: {
            /** @description The webhook. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "url": "https://shop.example/hooks/whatsapp",
                     *         "description": "text",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "events": [
                     *           "message.received",
                     *           "message.status"
                     *         ],
                     *         "enabled": true,
                     *         "state": "active",
                     *         "stateSince": "2026-01-31T08:00:00.000Z",
                     *         "failuresInRow": 0,
                     *         "nextTryAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "createdBy": "text",
                     *         "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["NewWebhook"];
                    };
                };
            };
        };
    };
    getWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "url": "https://shop.example/hooks/whatsapp",
                     *         "description": "text",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "events": [
                     *           "message.received",
                     *           "message.status"
                     *         ],
                     *         "enabled": true,
                     *         "state": "active",
                     *         "stateSince": "2026-01-31T08:00:00.000Z",
                     *         "failuresInRow": 0,
                     *         "nextTryAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "createdBy": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Webhook"];
                    };
                };
            };
        };
    };
    deleteWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "webhookId": "text",
                     *         "deleted": true
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            webhookId: string;
                            /** @enum {boolean} */
                            deleted: true;
                        };
                    };
                };
            };
        };
    };
    changeWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Format: uri
                     * @description Where events are posted: https, on the public Internet unless WEBHOOK_ALLOW_PRIVATE is on.
                     * @example https://shop.example/hooks/whatsapp
                     */
                    url?: string;
                    events?: ("message.received" | "message.status" | "account.connected" | "account.reconnecting" | "account.critical" | "account.needs_human" | "account.disconnected" | "account.health" | "account.limit" | "webhook.disabled")[];
                    description?: string | null;
                    /** @description False ends deliveries: what waits becomes dead letters, and what happens is not kept. True takes them up, also of a webhook that failed, whose dead letters can be redelivered. */
                    enabled?: boolean;
                };
            };
        };
        responses: {
            /** @description How it is now. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "url": "https://shop.example/hooks/whatsapp",
                     *         "description": "text",
                     *         "accountId": "6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10",
                     *         "events": [
                     *           "message.received",
                     *           "message.status"
                     *         ],
                     *         "enabled": true,
                     *         "state": "active",
                     *         "stateSince": "2026-01-31T08:00:00.000Z",
                     *         "failuresInRow": 0,
                     *         "nextTryAt": "2026-01-31T08:00:00.000Z",
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "createdBy": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Webhook"];
                    };
                };
            };
        };
    };
    rotateWebhookSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description The new secret. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "webhookId": "text",
                     *         "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
                     *         "previousUntil": "2026-01-31T08:00:00.000Z"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            webhookId: string;
                            /**
                             * @description What signatures are checked with. Shown this once.
                             * @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=
                             */
                            secret: string;
                            /**
                             * Format: date-time
                             * @description Until then the secret before signs as well; those before it do until their own time is over.
                             */
                            previousUntil: string;
                        };
                    };
                };
            };
        };
    };
    listWebhookDeliveries: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
                /** @example pending */
                status?: "pending" | "delivered" | "dead";
            };
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of deliveries. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "4711",
                     *           "eventId": "evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0",
                     *           "type": "message.received",
                     *           "status": "pending",
                     *           "attempts": 0,
                     *           "createdAt": "2026-01-31T08:00:00.000Z",
                     *           "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *           "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *           "lastStatus": 0,
                     *           "lastError": "The endpoint answered 401. token expired"
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Delivery"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    redeliver: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
                /**
                 * @description Id of the delivery.
                 * @example 4711
                 */
                deliveryId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description It waits. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "4711",
                     *         "eventId": "evt_dQw4w9WgXcQmN2pLr7sTuvWxYz0",
                     *         "type": "message.received",
                     *         "status": "pending",
                     *         "attempts": 0,
                     *         "createdAt": "2026-01-31T08:00:00.000Z",
                     *         "lastAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "nextAttemptAt": "2026-01-31T08:00:00.000Z",
                     *         "deliveredAt": "2026-01-31T08:00:00.000Z",
                     *         "lastStatus": 0,
                     *         "lastError": "The endpoint answered 401. token expired"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Delivery"];
                    };
                };
            };
        };
    };
    redeliverRange: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Format: date-time
                     * @description Events of this instant and later.
                     */
                    from: string;
                    /**
                     * Format: date-time
                     * @description Events before this instant.
                     */
                    to: string;
                };
            };
        };
        responses: {
            /** @description So many wait. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "webhookId": "text",
                     *         "count": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            webhookId: string;
                            count: number;
                        };
                    };
                };
            };
        };
    };
    testWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the webhook.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                webhookId: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": Record<string, never> | null;
            };
        };
        responses: {
            /** @description It waits. */
            202: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "webhookId": "text",
                     *         "eventId": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            webhookId: string;
                            eventId: string;
                        };
                    };
                };
            };
        };
    };
    verifyVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": {
                    accountId?: string;
                } | null;
            };
        };
        responses: {
            /** @description A line a copy. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": {
                        /** @description Accounts that are looked at. */
                        total: number;
                    } | components["schemas"]["VaultCopy"] | {
                        summary: {
                            accounts: number;
                            copies: number;
                            /** @description How many copies, by outcome. */
                            outcomes: {
                                [key: string]: number;
                            };
                            /**
                             * @description After a rotation: what still needs another key, of all accounts of all instances that share the
                             *     database. Once it is empty, keys before the current one may go.
                             */
                            otherKeys?: components["schemas"]["VaultKeyNeed"][];
                        };
                    };
                };
            };
        };
    };
    rotateVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /** @example {} */
                "application/json": {
                    accountId?: string;
                } | null;
            };
        };
        responses: {
            /** @description A line a copy. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": {
                        /** @description Accounts that are looked at. */
                        total: number;
                    } | components["schemas"]["VaultCopy"] | {
                        summary: {
                            accounts: number;
                            copies: number;
                            /** @description How many copies, by outcome. */
                            outcomes: {
                                [key: string]: number;
                            };
                            /**
                             * @description After a rotation: what still needs another key, of all accounts of all instances that share the
                             *     database. Once it is empty, keys before the current one may go.
                             */
                            otherKeys?: components["schemas"]["VaultKeyNeed"][];
                        };
                    };
                };
            };
        };
    };
    exportVault: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "passphrase": "a sentence that nobody else would say"
                 *     }
                 */
                "application/json": {
                    /**
                     * Format: password
                     * @description Whoever has the file can guess for as long as he likes: let a password manager make it.
                     * @example a sentence that nobody else would say
                     */
                    passphrase: string;
                };
            };
        };
        responses: {
            /** @description The sealed file; its generation is in the header X-Vault-Generation. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    /** @description To be given when the export is confirmed. */
                    "X-Vault-Generation"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": Blob;
                };
            };
        };
    };
    confirmVaultExport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /**
                 * @description Id of the account.
                 * @example 6f1c2f6e-0b0e-4c69-9d1f-1c1b7b1f8a10
                 */
                accountId: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "generation": 17
                 *     }
                 */
                "application/json": {
                    /**
                     * @description Number of the snapshot within its account.
                     * @example 17
                     */
                    generation: number;
                };
            };
        };
        responses: {
            /** @description It is closed. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "text",
                     *         "generation": 17,
                     *         "message": "text"
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            accountId: string;
                            /**
                             * @description Number of the snapshot within its account.
                             * @example 17
                             */
                            generation: number;
                            message: string;
                        };
                    };
                };
            };
        };
    };
    importVault: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "passphrase": "a sentence that nobody else would say",
                 *       "file": "(the bytes of the file)"
                 *     }
                 */
                "multipart/form-data": {
                    /** Format: password */
                    passphrase: string;
                    /** Format: binary */
                    file: Blob;
                };
            };
        };
        responses: {
            /** @description It is sealed here, and is starting. */
            201: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "accountId": "text",
                     *         "generation": 17
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            accountId: string;
                            /**
                             * @description Number of the snapshot within its account.
                             * @example 17
                             */
                            generation: number;
                        };
                    };
                };
            };
        };
    };
    listInstances: {
        parameters: {
            query?: {
                /**
                 * @description Items a page.
                 * @example 50
                 */
                limit?: number;
                /**
                 * @description The `nextCursor` of the page before, unchanged: nothing else is one.
                 * @example MjAyNi0wMS0zMVQwODowMDowMC4wMDAwMDBaIDE3
                 */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of instances. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": [
                     *         {
                     *           "id": "switchboard-0",
                     *           "since": "2026-01-31T08:00:00.000Z",
                     *           "renewedAt": "2026-01-31T08:00:00.000Z",
                     *           "leaseUntil": "2026-01-31T08:00:00.000Z",
                     *           "capacity": 10,
                     *           "accounts": 0,
                     *           "draining": true
                     *         }
                     *       ],
                     *       "count": 0,
                     *       "nextCursor": null
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: components["schemas"]["Instance"][];
                        /** @description Items in this answer. */
                        count: number;
                        /**
                         * @description For the next page; null at the end.
                         * @example null
                         */
                        nextCursor: string | null;
                    };
                };
            };
        };
    };
    forgetInstance: {
        parameters: {
            query?: {
                /** @example false */
                force?: "true" | "false";
            };
            header?: never;
            path: {
                /**
                 * @description The INSTANCE_ID of an instance.
                 * @example switchboard-0
                 */
                instanceId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is forgotten. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    RateLimit: components["headers"]["RateLimit"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "id": "text",
                     *         "forgotten": true,
                     *         "accounts": 0
                     *       }
                     *     }
                     */
                    "application/json": {
                        /** @enum {boolean} */
                        success: true;
                        data: {
                            id: string;
                            /** @enum {boolean} */
                            forgotten: true;
                            /** @description Accounts that it held, which any instance may take now. */
                            accounts: number;
                        };
                    };
                };
            };
        };
    };
}
