/**
 * Films: work at providers that outlives the requests that asked for it. One object owns each, its money and its film; a list of an
 * organisation's lies in D1. Does not belong here: how a film is asked for and told of (protocols), what a client's URLs are (routes).
 */
export { begun, create, filmed, told, type Words } from "./begun.ts";
export { contentOf } from "./content.ts";
export { newestVideos } from "./list.ts";
export { Videos } from "./videos.ts";
export { VideoJob } from "./video-job.do.ts";
