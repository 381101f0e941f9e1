// The network, away from the page's own thread: samples of an excerpt in, probabilities of its clips out.

import * as ort from "./onnxruntime-web/ort.wasm.bundle.min.js";

ort.env.wasm.numThreads = 1; // more need headers that a plain server does not send
ort.env.logLevel = "error";

const loading = load();
loading.catch(() => {}); // told with the first excerpt
onmessage = ({ data }) =>
  predict(data).then(postMessage, (error) => postMessage({ error: String(error?.message ?? error) }));

async function load() {
  ort.env.wasm.wasmBinary = await fetched("onnxruntime-web/ort-wasm-simd-threaded.wasm");
  return ort.InferenceSession.create(new Uint8Array(await fetched("model.onnx")), { executionProviders: ["wasm"] });
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  return response.arrayBuffer();
}

async function predict({ samples, clips }) {
  const session = await loading;
  const { probabilities, log_mel } = await session.run({
    samples: new ort.Tensor("float32", samples, [samples.length]),
    starts: new ort.Tensor("int64", BigInt64Array.from(clips, BigInt), [clips.length]),
  });
  return { probabilities: probabilities.data, logMel: log_mel?.data };
}
