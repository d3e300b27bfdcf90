/** Notices that the exchange serves another version of this page than the one that runs. */

const PAGE = "/";

/** @type {Promise<string | null>} */
const running = currentVersion();

/**
 * Whether a newer page is there to be loaded.
 * @returns {Promise<boolean>}
 */
export async function isOutdated() {
  const [before, now] = await Promise.all([running, currentVersion()]);
  return Boolean(before && now && before !== now);
}

/** The tag that the server gives to all files of the page together. */
async function currentVersion() {
  try {
    const response = await fetch(PAGE, { method: "HEAD", cache: "no-store" });
    return response.ok ? response.headers.get("etag") : null;
  } catch {
    return null;
  }
}
