"""The few lines of JavaScript that the tests run inside JupyterLab's page."""

from __future__ import annotations

__all__ = ["CELL_OUTPUTS", "KERNEL_ID", "KERNEL_IDLE", "RESTART_KERNEL", "RUN_CELL", "SAMPLE_VIDEO"]
__all__ += ["SELECT_CELL", "TONE", "VIDEO_PNG", "WAIT_FRAMES"]

KERNEL_IDLE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget
  if (!panel?.context?.isReady || !panel.sessionContext.isReady) return false
  return panel.sessionContext.session?.kernel?.status === 'idle' && panel.content.widgets.length > 0
}"""

KERNEL_ID = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"

RESTART_KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"

SELECT_CELL = """index => {
  const notebook = jupyterapp.shell.currentWidget.content
  notebook.deselectAll()
  notebook.activeCellIndex = index
}"""

RUN_CELL = """index => {
  const notebook = jupyterapp.shell.currentWidget.content
  notebook.deselectAll()
  notebook.activeCellIndex = index
  window.smallrtcRuns ??= {}
  window.smallrtcRuns[index] = 'running'
  jupyterapp.commands.execute('notebook:run-cell').finally(() => { window.smallrtcRuns[index] = 'done' })
}"""

CELL_OUTPUTS = """index => {
  const model = jupyterapp.shell.currentWidget.content.widgets[index].model
  return JSON.stringify({
    execution_count: model.executionCount ?? null,
    outputs: model.outputs ? model.outputs.toJSON() : []
  })
}"""

SAMPLE_VIDEO = """(element, points) => {
  const width = element.videoWidth || element.width, height = element.videoHeight || element.height
  if (!width || !height || (element.readyState ?? 4) < 2) return null
  const canvas = new OffscreenCanvas(width, height)
  const drawing = canvas.getContext('2d', { willReadFrequently: true })
  drawing.drawImage(element, 0, 0, width, height)
  return points.map(([x, y]) => {
    const left = Math.round(x * width) - 4, top = Math.round(y * height) - 4
    const pixels = drawing.getImageData(left, top, 9, 9).data
    const sums = [0, 0, 0]
    for (let i = 0; i < pixels.length; i += 4) for (let c = 0; c < 3; c++) sums[c] += pixels[i + c]
    return sums.map(sum => Math.round(sum / 81))
  })
}"""

VIDEO_PNG = """async element => {
  const width = element.videoWidth || element.width, height = element.videoHeight || element.height
  if (!width || !height || (element.readyState ?? 4) < 2) return null
  const canvas = new OffscreenCanvas(width, height)
  canvas.getContext('2d').drawImage(element, 0, 0, width, height)
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}"""

WAIT_FRAMES = """(video, [count, timeoutMs]) => new Promise((resolve, reject) => {
  const begun = performance.now()
  let seen = 0
  const timer = setTimeout(
    () => reject(new Error(`only ${seen} of ${count} video frames were shown in ${timeoutMs} ms`)), timeoutMs)
  const shown = () => {
    seen += 1
    if (seen < count) return video.requestVideoFrameCallback(shown)
    clearTimeout(timer)
    resolve((performance.now() - begun) / 1000)
  }
  video.requestVideoFrameCallback(shown)
})"""

TONE = """async element => {
  const context = new AudioContext()
  await context.resume()
  const analyser = new AnalyserNode(context, { fftSize: 32768, smoothingTimeConstant: 0 })
  const source = context.createMediaStreamSource(element.srcObject)
  source.connect(analyser)
  await new Promise(resolve => setTimeout(resolve, 1000))
  const samples = new Float32Array(analyser.fftSize), bins = new Float32Array(analyser.frequencyBinCount)
  analyser.getFloatTimeDomainData(samples)
  analyser.getFloatFrequencyData(bins)
  const peak = bins.indexOf(Math.max(...bins))
  const result = {
    hz: peak * context.sampleRate / analyser.fftSize,
    rms: Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length),
    muted: element.muted, paused: element.paused, volume: element.volume
  }
  source.disconnect()
  await context.close()
  return result
}"""
