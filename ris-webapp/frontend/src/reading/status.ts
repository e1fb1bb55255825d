// The exam as the server sees it now; asked for after every action, and when live changes tell of it.
import type { Content } from "./content";
import type { ViewerAddresses } from "./viewer";

export interface Rights {
  claim: boolean;
  take_over: boolean;
  hand_over: boolean;
  release: boolean;
  edit: boolean;
  approve_preliminary: boolean;
  approve_final: boolean;
  approve_corrected: boolean;
  amend: boolean;
  sees_draft: boolean;
}

export interface Status {
  /** Which reading it is: several may read one exam, each in their own. */
  reading: number;
  revision: number;
  savedAt: string;
  content: Content;
  /** Each section of it as text, by code. */
  texts: Record<string, string>;
  rights: Rights;
  /** Which of the tools have something to show. */
  shows: { preview: boolean; history: boolean; sign: boolean };
  /** HTML: whose exam it is. */
  who: string;
  /** HTML: who reads it, what was approved, what one can do. */
  head: string;
  /** HTML: the images that go with the report. */
  keyImages: string;
  images: {
    /** StudyInstanceUIDs of the exam's own studies. */
    studies: string[];
    state: "none" | "arriving" | "complete";
    instances: number;
    /** Exams whose images are opened with these; told only when the page is opened. */
    beside: number[];
    addresses: ViewerAddresses | null;
    /** HTML over or instead of the images; empty when there is nothing to tell. */
    note: string;
  };
  csrf: string;
}

export interface ReadingAddresses {
  status: string;
  draft: string;
  template: string;
  approve: string;
  claim: string;
  release: string;
  amend: string;
  next: string;
  sign: string;
  /** The page on which one's key is unlocked. */
  signing: string;
  learn: string;
  compare: string;
  keep: string;
  versions: string;
  differences: string;
  compare_states: string;
  localKeep: string;
  keyImages: string;
  measurements: string;
  preview: string;
  login: string;
  worklist: string;
}
