/** Private keys: read from a PEM file, held by the browser's own cryptography, kept on request so that they can only sign. */

/**
 * @typedef {object} LogonKey
 * @property {string} keyId
 * @property {CryptoKey} privateKey not extractable
 */

const DATABASE = "carbon-exchange";
const STORE = "keys";
const KEPT = "kept";
const MAX_FILE_BYTES = 10000;

/** The file or the browser cannot be used; the message says why. */
export class KeyProblem extends Error {}

/** Whether this page may use the browser's cryptography: it must come over https or from this very machine. */
export const hasCryptography = () => Boolean(globalThis.crypto?.subtle);

/**
 * Reads an Ed25519 private key out of a PEM file (PKCS #8). Throws KeyProblem.
 * @param {File} file
 * @returns {Promise<CryptoKey>}
 */
export async function readKeyFile(file) {
  if (file.size > MAX_FILE_BYTES) throw new KeyProblem("This file is too long for a private key.");
  const text = await file.text();
  if (text.includes("BEGIN ENCRYPTED PRIVATE KEY")) {
    throw new KeyProblem("This key file is encrypted with a password; the page needs one without.");
  }
  const found = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(text);
  if (!found) throw new KeyProblem("This is not a PEM file with a private key (PKCS #8).");
  let bytes;
  try {
    bytes = Uint8Array.from(atob(found[1].replace(/\s+/g, "")), (character) => character.charCodeAt(0));
  } catch {
    throw new KeyProblem("This PEM file is damaged.");
  }
  try {
    return await crypto.subtle.importKey("pkcs8", bytes, { name: "Ed25519" }, false, ["sign"]);
  } catch {
    throw new KeyProblem("This is not an Ed25519 key, or the browser is too old to use one.");
  } finally {
    bytes.fill(0);
  }
}

/**
 * Signs a text; 128 hexadecimal digits.
 * @param {CryptoKey} privateKey
 * @param {string} text
 * @returns {Promise<string>}
 */
export async function sign(privateKey, text) {
  const signature = await crypto.subtle.sign({ name: "Ed25519" }, privateKey, new TextEncoder().encode(text));
  return Array.from(new Uint8Array(signature), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The key that this browser keeps, if any.
 * @returns {Promise<LogonKey | null>}
 */
export async function keptKey() {
  if (!globalThis.indexedDB) return null;
  return (await inStore("readonly", (store) => store.get(KEPT))) ?? null;
}

/**
 * Keeps a key in this browser in place of an earlier one.
 * @param {LogonKey} key
 */
export async function keepKey(key) {
  await inStore("readwrite", (store) => store.put(key, KEPT));
}

/** Forgets the kept key. */
export async function forgetKey() {
  await inStore("readwrite", (store) => store.delete(KEPT));
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} work
 * @returns {Promise<any>}
 */
async function inStore(mode, work) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await finished(opening);
  try {
    return await finished(work(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/**
 * @param {IDBRequest} request
 * @returns {Promise<any>}
 */
function finished(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
