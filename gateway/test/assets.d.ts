/** What is tested of the page's scripts, which are plain JavaScript. */
declare module "*/assets/event-stream.js" {
  export function parser(): (text: string) => { event: string; data: string }[];
}
