import { makeCommand } from "../make.js";

export const addPrepare = makeCommand(
  "prepare",
  "active",
  "make an active snapshot, empty or a writable copy of a committed one",
  "Makes an active snapshot: a private, writable copy of committed/PARENT, or without a parent an empty directory. On a mounted store it returns at once and the copy goes on in the background.",
);
