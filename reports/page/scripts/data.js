// What the page carries along: its numbers, and plotly.js, which is started when the first figure is drawn.
const Data = (() => {
  async function unpack(id) {
    const packed = atob(document.getElementById(id).textContent);
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  }
  let lineUps = [];
  let plotly;
  async function load() {
    lineUps = await (await unpack("numbers")).json();
    for (const lineUp of lineUps) {
      lineUp.scores = lineUp.scores.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
      let first = 0;
      for (const video of lineUp.videos) {
        video.first = first;
        first += video.frames.length;
      }
    }
    return lineUps;
  }
  async function start() {
    const script = document.createElement("script");
    script.textContent = await (await unpack("plotly")).text();
    document.head.append(script); // runs at once, as its hash is in the page's policy
  }
  return {
    load,
    all: () => lineUps,
    named: (name) => lineUps.find((lineUp) => lineUp.name === name),
    plotly: () => (plotly ??= start().then(() => window.Plotly)),
  };
})();
