import type { types } from 'mediasoup';
import type { MediaObjects } from '../ports.ts';

/** Counts the live mediasoup objects of all workers: what was made and has not been closed. */
export class ObjectCounts {
  readonly #counts = { router: 0, transport: 0, producer: 0, consumer: 0 };

  get counts(): MediaObjects {
    return { ...this.#counts };
  }

  watch(worker: types.Worker): void {
    worker.observer.on('newrouter', (router) => {
      this.#add('router', router.observer);
      router.observer.on('newtransport', (transport) => {
        this.#add('transport', transport.observer);
        transport.observer.on('newproducer', (producer) => {
          this.#add('producer', producer.observer);
        });
        transport.observer.on('newconsumer', (consumer) => {
          this.#add('consumer', consumer.observer);
        });
      });
    });
  }

  #add(kind: keyof MediaObjects, observer: { once(event: 'close', listener: () => void): unknown }): void {
    this.#counts[kind]++;
    observer.once('close', () => {
      this.#counts[kind]--;
    });
  }
}
