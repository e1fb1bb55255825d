// What the phone page asks of DICOMweb: the series of granted studies, their frames, and pictures of these.

type Json = Record<string, { Value?: unknown[] }>;

export type Kind = "frames" | "document" | "video" | "other";

export interface Series {
  study: string;
  uid: string;
  modality: string;
  description: string;
  number: number;
  instances: number;
}

export interface Frame {
  address: string;
  kind: Kind;
}

export interface Study {
  uid: string;
  patient: string;
  date: string;
  description: string;
}

export interface Mark {
  lines: string[];
  pictures_only: boolean;
}

export type Window = readonly [center: number, width: number] | null;

/** The server refuses: no grant, or no longer. */
export class Refused extends Error {}

const STORAGE = "1.2.840.10008.5.1.4.1.1.";
const PICTURELESS = [`${STORAGE}88.`, `${STORAGE}11.`, `${STORAGE}9.`, `${STORAGE}66`, `${STORAGE}67`, `${STORAGE}481.3`, `${STORAGE}481.5`, `${STORAGE}481.8`];

export async function studiesOf(uids: string[]): Promise<Study[]> {
  const rows = await ask(`/dicom-web/studies?StudyInstanceUID=${uids.join(",")}&includefield=00081030,00080020,00100010`);
  const found = rows.map((row) => ({ uid: text(row, "0020000D"), patient: nameIn(row), date: dateIn(row, "00080020"), description: text(row, "00081030") }));
  return found.sort((one, other) => uids.indexOf(one.uid) - uids.indexOf(other.uid));
}

export async function seriesOf(study: string): Promise<Series[]> {
  const rows = await ask(`/dicom-web/studies/${study}/series?includefield=0008103E,00200011,00201209`);
  const found = rows.map((row) => ({
    study,
    uid: text(row, "0020000E"),
    modality: text(row, "00080060"),
    description: text(row, "0008103E"),
    number: Number(text(row, "00200011")) || 0,
    instances: Number(text(row, "00201209")) || 0,
  }));
  return found.sort((one, other) => one.number - other.number);
}

/** The words over what is seen of a study, and whether only pictures of it are given. */
export async function markOf(study: string): Promise<Mark> {
  const answer = await fetch(`/dicom-web/studies/${study}/mark`, { cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) throw new Refused();
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as Mark;
}

/** Every frame of the series, in the order of the instances' numbers. */
export async function framesOf(series: Series): Promise<Frame[]> {
  const rows = await ask(`/dicom-web/studies/${series.study}/series/${series.uid}/instances?includefield=00200013,00280008,00080016`);
  rows.sort((one, other) => (Number(text(one, "00200013")) || 0) - (Number(text(other, "00200013")) || 0));
  return rows.flatMap((row): Frame[] => {
    const address = `/dicom-web/studies/${series.study}/series/${series.uid}/instances/${text(row, "00080018")}`;
    const kind = kindOf(text(row, "00080016"));
    if (kind !== "frames") return [{ address: `${address}/rendered`, kind }];
    const frames = Math.max(1, Number(text(row, "00280008")) || 1);
    return Array.from({ length: frames }, (_, index) => ({ address: `${address}/frames/${index + 1}/rendered`, kind }));
  });
}

/** A picture at most so many pixels wide and high. */
export function picture(frame: Frame, pixels: number, quality: number, window: Window): string {
  const shown = window ? `&window=${window[0]},${window[1]},linear` : "";
  return `${frame.address}?quality=${quality}&viewport=${pixels},${pixels}${shown}`;
}

function kindOf(sopClass: string): Kind {
  if (sopClass.startsWith(`${STORAGE}104.`)) return sopClass.endsWith("104.1") ? "document" : "other";
  if (/^77\.1\.(1|2|4)\.1$/.test(sopClass.slice(STORAGE.length))) return "video";
  return PICTURELESS.some((beginning) => sopClass.startsWith(beginning)) ? "other" : "frames";
}

async function ask(address: string): Promise<Json[]> {
  const answer = await fetch(address, { headers: { Accept: "application/dicom+json" } });
  if (answer.status === 401 || answer.status === 403) throw new Refused();
  if (answer.status === 204) return [];
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()) as Json[];
}

function text(row: Json, tag: string): string {
  const value = row[tag]?.Value?.[0];
  return value === undefined || value === null || typeof value === "object" ? "" : String(value);
}

function nameIn(row: Json): string {
  const value = row["00100010"]?.Value?.[0] as { Alphabetic?: string } | undefined;
  return (value?.Alphabetic ?? "").replaceAll("^", " ").trim();
}

function dateIn(row: Json, tag: string): string {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text(row, tag));
  return match ? `${match[3]}/${match[2]}/${match[1]}` : "";
}
