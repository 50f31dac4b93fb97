/**
 * Checks the built artefacts that are committed (WebAssembly): each room's build.mjs, run with
 * --check, compares its artefact with the pinned digest and builds it anew where the toolchain is
 * present.
 */
import { listFiles, listRooms } from './rooms.ts';
import { runShown } from './run.ts';

function main(): number {
  const builds = listRooms().flatMap((room) => listFiles(room, 'build.mjs'));
  const failed = builds.filter((build) => {
    console.log(`artefact of ${build}`);
    return runShown(process.execPath, [build, '--check']) !== 0;
  });
  console.log(`${builds.length} artefacts, ${failed.length} failed`);
  for (const build of failed) {
    console.error(`${build} --check failed: run node ${build} and commit what it writes.`);
  }
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = main();
