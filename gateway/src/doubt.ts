/** What an error says of a record that was to be sent: is it there, or not, or in doubt? Pure. */

import { AuthenticationError, findErrorBy, UserError } from "@platformatic/kafka";

/**
 * Whether a record that failed with this error is in no log for certain, so that it may be sent
 * again elsewhere.
 */
export function notAppended(error: unknown): boolean {
  if (error instanceof AggregateError) {
    const errors = (error.errors as unknown[]).filter((one) => one !== undefined);
    return errors.length > 0 && errors.every(notAppended);
  }
  if (!(error instanceof Error)) return false;
  if (error instanceof UserError || error instanceof AuthenticationError) return true;
  // Whoever was not connected has sent nothing; one whose connection was lost may have.
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

/** Whether it is no use to try again, there or elsewhere. */
export function final(error: unknown): boolean {
  return findErrorBy(error as Error, "canRetry", false) !== null;
}

