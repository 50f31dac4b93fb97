/**
 * Which web pages may call. A page may call from loopback or from a configured origin; any other
 * is refused. Without this, any web page that a developer visits could use the sandbox. Programs
 * send no origin and are not concerned.
 */
const loopbackOrigin = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/** @param allowedOrigins origins beside loopback, as a browser writes them */
export function isOriginAllowed(
  origin: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  return origin === undefined || loopbackOrigin.test(origin) || allowedOrigins.includes(origin);
}
