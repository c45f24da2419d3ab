/** What a failed send implies: is the record certainly in no log, or in doubt? Pure. */

import { AuthenticationError, findErrorBy, UserError } from "@platformatic/kafka";

/**
 * Whether a record that failed with this error certainly is in no log, so that it may be sent again
 * elsewhere.
 */
export function notAppended(error: unknown): boolean {
  if (error instanceof AggregateError) {
    const errors = (error.errors as unknown[]).filter((one) => one !== undefined);
    return errors.length > 0 && errors.every(notAppended);
  }
  if (!(error instanceof Error)) return false;
  if (error instanceof UserError || error instanceof AuthenticationError) return true;
  // Without a connection nothing was sent; if a connection was lost, something may have been.
  if (/^(Connection (to|ready)|Cannot get a connection|Connection closed while waiting)/.test(error.message))
    return true;
  const { apiId } = error as { apiId?: string };
  return apiId !== undefined && !DOUBTFUL.has(apiId);
}

const DOUBTFUL = new Set([
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "DUPLICATE_SEQUENCE_NUMBER",
  "UNKNOWN_SERVER_ERROR",
  "NETWORK_EXCEPTION",
  "KAFKA_STORAGE_ERROR",
]);

/** Whether trying again, there or elsewhere, cannot help. */
export function final(error: unknown): boolean {
  return findErrorBy(error as Error, "canRetry", false) !== null;
}

