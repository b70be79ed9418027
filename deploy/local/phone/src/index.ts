import type { Server } from "node:http";
import { AutoReceipts, type AutoReceiptsRequest } from "./auto-receipts.ts";
import { BearerTokens } from "./bearer-tokens.ts";
import { loadCertificates } from "./certificates.ts";
import { listenControl } from "./control-server.ts";
import { loadCredentials, type ApnsKeyFile, type ServiceAccountFile } from "./credentials.ts";
import { DeviceBook, type DeviceView, type ReceivedPush } from "./device-book.ts";
import { FaultPlan, type FaultRequest } from "./fault-plan.ts";
import type { PhoneControls } from "./phone-controls.ts";
import { PushServer } from "./push-server.ts";
import { WebPushService, type WebPushSubscription } from "./web-push-service.ts";

export type {
  ApnsKeyFile,
  AutoReceiptsRequest,
  DeviceView,
  FaultRequest,
  ReceivedPush,
  ServiceAccountFile,
  WebPushSubscription,
};

export interface PhoneOptions {
  /** Where certificates and the phone's own credentials are kept, made there at the first start. */
  readonly dataDir: string;
  /** 0 (the default) takes a free port. */
  readonly port?: number;
  readonly controlPort?: number;
  readonly host?: string;
  /** What SETTINGS announce; APNs says 1,000, FCM 100. */
  readonly maxConcurrentStreams?: number;
}

export interface Phone extends PhoneControls, AsyncDisposable {
  readonly port: number;
  readonly controlPort: number;
  /** For FCM_URL; the token endpoint is `<fcmUrl>/token`. */
  readonly fcmUrl: string;
  readonly controlUrl: string;
  readonly caPem: string;
  readonly caFile: string;
  close(): Promise<void>;
}

/** Starts a phone in this process. It listens on the loopback only, and remembers pushes until it is closed. */
export async function startPhone(options: PhoneOptions): Promise<Phone> {
  const { dataDir, port = 0, controlPort = 0, host = "127.0.0.1", maxConcurrentStreams = 1_000 } = options;
  const [certificates, credentials] = await Promise.all([loadCertificates(dataDir), loadCredentials(dataDir)]);
  const tokens = new BearerTokens();
  const { serviceAccount, apnsKey } = credentials;
  await tokens.registerServiceAccount({
    clientEmail: serviceAccount.client_email,
    projectId: serviceAccount.project_id,
    publicKey: credentials.serviceAccountPublicKey,
  });
  await tokens.registerApnsKey({ ...apnsKey, publicKey: credentials.apnsPublicKey });

  const faults = new FaultPlan();
  const book = new DeviceBook();
  const receipts = new AutoReceipts();
  const received = (token: string, push: ReceivedPush) => {
    if (book.record(token, push)) receipts.received(push);
  };
  const webPush = new WebPushService(received);
  const deps = { certificates, tokens, faults, maxConcurrentStreams, received, webPush };
  const server = await PushServer.listen(deps, port, host);
  const origin = `https://localhost:${server.port}`;

  const controls: PhoneControls = {
    stats: () => ({
      devices: book.deviceCount,
      pushes: { ...book.counts },
      requests: { ...server.counts, open_sessions: server.openSessions, held: server.held },
      answers: structuredClone(server.answers),
      tokens: { ...tokens.counts },
      receipts: { ...receipts.counts, waiting: receipts.waiting, last_failures: [...receipts.lastFailures] },
    }),
    device: (token) => book.view(token),
    latestDevices: (limit) => book.latest(limit),
    shownHistogram: () => book.shownHistogram(),
    credentialFiles: () => ({ service_account: { ...serviceAccount }, apns_key: { ...apnsKey } }),
    registerServiceAccount: (account) => tokens.registerServiceAccount(account),
    registerApnsKey: (key) => tokens.registerApnsKey(key),
    revokeAccessTokens: () => tokens.revokeAccessTokens(),
    subscribe: (applicationServerKey = null) => webPush.subscribe(origin, applicationServerKey),
    unsubscribe: (endpoint) => webPush.unsubscribe(endpoint),
    setOnline: (endpoint, isOnline) => webPush.setOnline(endpoint, isOnline),
    addFault: (fault) => faults.add(fault),
    removeFaults: (which) => faults.remove(which),
    faults: () => faults.list(),
    configure: (settings) => {
      if (settings.maxConcurrentStreams !== undefined) server.setMaxConcurrentStreams(settings.maxConcurrentStreams);
      tokens.acceptUnknown = settings.acceptUnknownCredentials ?? tokens.acceptUnknown;
      tokens.accessTokenLifetimeS = settings.accessTokenLifetimeS ?? tokens.accessTokenLifetimeS;
    },
    autoReceipts: (settings) => receipts.configure(settings),
    release: (count = server.held) => server.release(count),
    dropConnections: () => server.dropConnections(),
    reset: () => {
      faults.remove();
      book.reset();
      receipts.reset();
      server.resetCounts();
    },
  };
  const control = await listenControl(controls, controlPort);
  const close = async () => {
    receipts.close();
    await Promise.all([server.close(), closeServer(control.server)]);
  };
  return {
    ...controls,
    port: server.port,
    controlPort: control.port,
    fcmUrl: origin,
    controlUrl: `http://127.0.0.1:${control.port}`,
    caPem: certificates.caPem,
    caFile: certificates.caFile,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
