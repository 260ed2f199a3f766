import { getMe, lidWid, pnWid } from '../addresses.ts';
import { fromBase64, toBase64 } from '../media.ts';
import { Collection, Model } from '../model.ts';
import { whatsNew } from '../prompts.ts';
import { defineModules } from '../registry.ts';
import { cmd, conn, type PageSession, progress } from '../session.ts';
import type { Wid } from '../wid.ts';

/** The modules by which the library links, watches the connection and logs out. */
export function defineConnectModules(session: PageSession): void {
  const refreshQR = () => session.refreshQr();
  const me = () => getMe()?.pn;
  const mePn = () => withMe(me(), pnWid);
  const meLid = () => withMe(me(), lidWid);
  const socket = Object.assign(session.model, {
    logout: () => session.logout(),
    reconnect: () => session.reconnect(),
    takeover: () => session.reconnect(),
    refreshQR,
  });
  Object.defineProperty(conn, 'wid', { get: mePn });

  defineModules({
    WAWebSocketModel: { Socket: socket },
    WAWebConnModel: { Conn: conn },
    WAWebCmd: { Cmd: Object.assign(cmd, { refreshQR }) },
    WAWebLaunchSocketUtils: { refreshQR },
    WAWebOfflineHandler: { OfflineMessageHandler: { getOfflineDeliveryProgress: () => progress.percent } },
    WAWebStreamModel: {
      Stream: Object.assign(new Model({ mode: 'MAIN', info: 'NORMAL', available: false }), {
        markAvailable: () => undefined,
        markUnavailable: () => undefined,
      }),
    },
    WAWebPresenceChatAction: {
      sendPresenceAvailable: async () => undefined,
      sendPresenceUnavailable: async () => undefined,
    },
    WABase64: { encodeB64: (bytes: Uint8Array) => toBase64(bytes), decodeB64: fromBase64 },
    WAWebCompanionRegClientUtils: { DEVICE_PLATFORM: '1' },
    WAWebAdvSignatureApi: {},
    WAWebSignalStoreApi: {
      waSignalStore: {
        getRegistrationInfo: async () => ({
          registrationId: 1,
          identityKeyPair: { pubKey: session.device.identity },
        }),
      },
    },
    WAWebUserPrefsInfoStore: {
      waNoiseInfo: { get: async () => ({ staticKeyPair: { pubKey: session.device.noise } }) },
    },
    WAWebUserPrefsMultiDevice: { getADVSecretKey: () => session.device.advSecret },
    WAWebAltDeviceLinkingApi: {
      setPairingType: () => undefined,
      initializeAltDeviceLinking: async () => undefined,
      initializeQRLinking: async () => session.refreshQr(),
      startAltLinkingFlow: (phoneNumber: string) => session.socket.query('alt-link', { phoneNumber }),
    },
    WAWebUserPrefsMeUser: {
      getMaybeMePnUser: mePn,
      getMaybeMeLidUser: meLid,
      getMaybeMeUser: mePn,
      getMeUser: mePn,
      getMePnUserOrThrow: mePn,
      getMeLidUserOrThrow: meLid,
    },
    WAWebMiscBrowserUtils: { info: () => ({ os: 'Linux', name: 'Chrome', version: '' }) },
    WAWebSyncGatingUtils: { isPlaceholderMessageResendEnabled: () => false },
    WAWebNonMessageDataRequestPlaceholderMessageResendUtils: { handlePlaceholderMsgsSeen: () => undefined },
    WAWebUserPrefsUiRefresh: {
      setUiRefreshNuxAcked: (acked: boolean) => acked && whatsNew.acknowledge(),
      getUiRefreshNuxAcked: () => !whatsNew.isOpen,
    },
    WAWebWhatsNewGatingUtils: { getWhatsNewAutoModalCooldownDays: () => 30 },
    WAWebWhatsNewNux: {
      createWhatsNewNux: () => ({ shouldShow: () => whatsNew.isOpen, dismiss: () => whatsNew.acknowledge() }),
    },
    WAWebModalManager: {
      ModalManager: { close: () => whatsNew.acknowledge(), isOpen: () => whatsNew.isOpen },
    },
    WAWebCallCollection: Object.assign(new Collection(Model), { calls: new Map<string, unknown>() }),
    WAWebBackendJobsCommon: { mediaTypeFromProtobuf: () => null },
    WAWebE2EProtoUtils: { typeAttributeFromProtobuf: () => 'text' },
  });
}

function withMe(pn: string | undefined, toWid: (pn: string) => Wid | undefined): Wid | undefined {
  return pn === undefined ? undefined : toWid(pn);
}
