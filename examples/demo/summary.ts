import { formatBytes, formatMs, formatTable } from './format.js';
import type { DemoReport } from './report.js';

/** The report for people. */
export function summaryOf(report: DemoReport): string[] {
  const { frames, killed, boxes, map, faults, sharedMap } = report;
  return [
    '',
    ...phaseTable(report),
    '',
    ...moveTable(report),
    '',
    `frames   ${frames.answered} of ${frames.sent} answered · ${frames.lost} lost · ${frames.duplicated} duplicated · ${frames.outOfOrder} out of order`,
    ...(killed === null
      ? []
      : [
          `killed   edge process ${killed.pid} by kill -9 while it detected frame ${killed.frame}; detection resumed on ${killed.resumedAt.node}, ${killed.resumedAt.place}, after ${formatMs(killed.resumedAfterMs)}`,
          `         from its checkpoint of ${killed.checkpointTurns} turns · ${frames.reexecuted} turn${frames.reexecuted === 1 ? '' : 's'} re-executed · ${frames.duplicated === 0 ? 'no frame got two answers' : `${frames.duplicated} FRAMES GOT TWO ANSWERS`}`,
        ]),
    `boxes    ${boxLine(report)}`,
    `map      ${map.objects} objects: ${countsOf(map.byLabel) || 'none'}`,
    ...(sharedMap === null
      ? []
      : [
          `         of two robots, on ${sharedMap.node}: ${sharedMap.objects.first} and ${sharedMap.objects.second} objects became ${sharedMap.objects.merged}, ${sharedMap.seenByBoth} of them seen by both`,
        ]),
    '',
    faults.length === 0
      ? `OK: nothing lost, duplicated or reordered; every move kept the state (battery simulated, all else measured)`
      : `FAILED: ${faults.join('; ')}`,
    ...(boxes.detections === 0 ? ['note: nothing was detected in the compared frames'] : []),
  ];
}

function phaseTable({ phases }: DemoReport): string[] {
  return formatTable(
    ['stay', 'where', 'frames', 'p50', 'p95', 'ran in'],
    phases.map(({ node, place, frames, responseMs }, index) => [
      String(index + 1),
      node,
      String(frames),
      formatMs(responseMs.p50),
      formatMs(responseMs.p95),
      place,
    ]),
    [2, 3, 4],
  );
}

function moveTable({ migrations }: DemoReport): string[] {
  return formatTable(
    ['move', 'trigger', 'stall', 'in all', 'module', 'state', '', 'kept'],
    migrations.map(({ from, to, trigger, stallMs, totalMs, moduleBytes, captureBytes, warm, stateHash }) => [
      `${from} → ${to}`,
      trigger,
      formatMs(stallMs),
      formatMs(totalMs),
      formatBytes(moduleBytes),
      formatBytes(captureBytes),
      warm ? 'warm' : 'cold',
      stateHash.before === stateHash.after ? 'yes' : 'NO',
    ]),
    [2, 3, 4, 5],
  );
}

function boxLine({ boxes }: DemoReport): string {
  const { compared, equal, detections, backends } = boxes;
  if (backends.device !== backends.edge)
    return `not comparable: ${backends.edge} at the edge, ${backends.device} at the device (${equal} of ${compared} frames equal)`;
  return `${equal} of ${compared} frames detected at the edge and again at the device have equal boxes (${detections} detections, ${backends.device} on both)`;
}

function countsOf(byLabel: Readonly<Record<string, number>>): string {
  return Object.entries(byLabel)
    .map(([label, count]) => `${count} ${label}`)
    .join(', ');
}
