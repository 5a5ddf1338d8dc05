// Markdown as the pages of causes use it: paragraphs, lists, fenced code, `code`, **strong**, [links](to). Everything
// becomes elements and text nodes; links keep their words only, for the page leads nowhere.

function prose(markdown) {
  const parts = [];
  let paragraph = [], fence = null;
  const flush = () => {
    if (paragraph.length > 0) parts.push(make("p", { class: "prose" }, ...inline(paragraph.join(" "))));
    paragraph = [];
  };
  for (const line of markdown.split("\n")) {
    if (fence !== null) {
      if (line.trim() === "```") { parts.push(snippet(fence.join("\n"), "shell")); fence = null; } else fence.push(line);
    } else if (line.startsWith("```")) {
      flush();
      fence = [];
    } else if (line.trim() === "") flush();
    else {
      if (/^[-*] /.test(line)) { flush(); paragraph.push(`• ${line.slice(2)}`); } else paragraph.push(line.trim());
    }
  }
  if (fence !== null) parts.push(snippet(fence.join("\n"), "shell"));
  flush();
  return parts;
}

function inline(words) {
  return words.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]*\))/).filter(Boolean).flatMap((part) => {
    if (part.length > 2 && part.startsWith("`") && part.endsWith("`")) return [make("code", {}, part.slice(1, -1))];
    if (part.length > 4 && part.startsWith("**")) return [make("strong", {}, part.slice(2, -2))];
    const link = /^\[([^\]]+)\]\([^)]*\)$/.exec(part);
    return link ? inline(link[1]) : [part];
  });
}
