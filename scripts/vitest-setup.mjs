// Before every test file: where a test says how long its random sequences may be, they are that long. The library's default is
// ten steps at most, too few for a fault that needs more to show.
import fc from 'fast-check';

fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true });
