import { behaviour } from "./behaviour/behaviour.js";

behaviour("fuse-native");
