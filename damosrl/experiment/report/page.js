// Unpacks plotly.js and the episodes, then replaces the static episode figure by a live one.
(async () => {
  const mount = document.getElementById("live-episode");
  if (!mount || !("DecompressionStream" in window)) return; // the static figure stays
  const unpack = async (id) => {
    const packed = atob(document.getElementById(id).textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };
  const script = document.createElement("script");
  script.textContent = await unpack("packed-plotly");
  document.head.append(script);
  const data = JSON.parse(await unpack("packed-episodes"));
  const choice = document.getElementById("episode-choice");
  const draw = () => Plotly.react(
    mount, data.episodes[choice.value], structuredClone(data.layout),
    { responsive: true, displayModeBar: false },
  );
  document.body.classList.add("live");
  await draw();
  choice.addEventListener("change", draw);
})();
