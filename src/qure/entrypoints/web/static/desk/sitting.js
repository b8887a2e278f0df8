/** Where somebody works: the clinic, the desk and the services, as chosen before on this device. */

import { isPassing } from "./outbox.js";
import { shift } from "./shift.js";

/** @typedef {{clinicId: string, deskId: string | null, serviceIds: string[] | null, open: boolean}} Choice */

const STORE = "qure-desk";

/** @returns {Choice | null} */
export const chosen = () => JSON.parse(localStorage.getItem(STORE) ?? "null");
/** @param {Partial<Choice>} choice */
export const choose = (choice) => localStorage.setItem(STORE, JSON.stringify({ ...chosen(), ...choice }));

/** What was chosen here in this clinic. */
export const chosenHere = () => {
  const before = chosen();
  return before?.clinicId === shift.clinic.id ? before : null;
};

/** The clinic that they work for, null when it is to be chosen. */
export async function knownClinic() {
  const { client, user } = shift;
  const known = user.role === "STAFF" ? user.clinicId : chosen()?.clinicId;
  return known ? await client.get(`/clinic/${known}`).catch(ifRefused) : null;
}

/** @param {unknown} error A clinic that is not there any more is chosen anew. */
function ifRefused(error) {
  if (isPassing(error)) throw error;
  return null;
}

/** Reads what there is to choose from. */
export async function readOffer() {
  const { client, clinic } = shift;
  [shift.services, shift.desks] = await Promise.all([
    client.get(`/clinic/${clinic.id}/services`),
    client.get(`/clinic/${clinic.id}/desks`),
  ]);
  shift.services = shift.services.filter((one) => one.isActive);
  shift.desks = shift.desks.filter((one) => one.isActive);
}

/** @param {string | null} deskId @param {string[] | null} serviceIds Null: all. */
export async function sit(deskId, serviceIds) {
  const there = shift.services.map(({ id }) => id);
  const wanted = serviceIds?.filter((id) => there.includes(id));
  const served = wanted?.length ? wanted : there;
  // Whoever pauses there goes on pausing when the page is loaded again.
  const desk = shift.desks.find(({ id }) => id === deskId);
  const sits = desk?.state === "PAUSED" && desk.staff?.id === shift.user.id &&
    String(desk.serviceIds) === String(served);
  if (deskId && !sits) await shift.client.call("POST", `/desks/${deskId}/open`, { serviceIds: served });
  shift.deskId = deskId;
  shift.serviceIds = served;
  choose({
    clinicId: shift.clinic.id,
    deskId,
    serviceIds: served.length < there.length ? served : null,
    open: true,
  });
}
