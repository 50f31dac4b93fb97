import './agenda.test.ts';
import './arguments.test.ts';
import './checkers.test.ts';
import './linearizability.test.ts';
import './simulated-disk.test.ts';
import './simulation.test.ts';
